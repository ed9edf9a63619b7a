"""Resume: brings a client from where it was to the present, exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from streaming.clients import StreamClient
from streaming.feed import Feed
from streaming.past import Loss, moments
from streaming.protocol import KINDS, Moment, control, gap
from streaming.relay import Relay

#: Few threads for all who catch up, so that however many there are, the loop keeps most of the machine; each job makes
#: one batch, so they take turns.
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="resume")

#: What a client that catches up holds in memory: a batch of so many ticks or so many bytes.
_BATCH = 256
_BATCH_BYTES = 256 * 1024

#: With no more than this to go, a client joins the live stream.
_REST_BYTES = 128 * 1024

#: Who takes longer than this for a batch is slow: its place in the recording, open files and inflaters of megabytes, is
#: given up and looked for again.
_SLOW_SECONDS = 1.0

#: How long to wait for the tape when it ends before the ring begins, and how often: a flush takes a second at most.
_FLUSH_SECONDS = 0.5
_MOST_WAITS = 8

#: Tapes are flushed each on its own. Where the tick tape reaches this far into the ring, the others reach it too.
_OVERLAP_TICKS = 50

Record = Moment | Loss


class Resume:
    """One client's way from behind t = `position` into the live stream of its feed."""

    def __init__(self, client: StreamClient, relay: Relay, feed: Feed, since: int) -> None:
        self._client, self._relay, self._live = client, relay, feed
        self._own = Feed(feed.options)  # prepares like the client's feed, at the client's own position
        self._told = dict.fromkeys(KINDS, -1)
        self._ticks_to = since
        self.position = since

    async def run(self) -> None:
        """Send what was missed, then `caught_up`, and subscribe. Waits as long as the client needs to take it."""
        ring = self._relay.ring
        await self._relay.filled.wait()
        while True:
            if not self._ring_goes_on():
                await self._from_tape()
                continue
            missed = ring.after(self.position, _BATCH)
            batch = _first(missed, _BATCH_BYTES)
            if len(batch) == len(missed) < _BATCH and sum(one.size for one in batch) <= _REST_BYTES:
                return self._join(batch)
            await self._client.put(await _in_pool(self._prepare_of_ring, batch))

    def _join(self, rest: list[Moment]) -> None:
        """Nothing waits in here, so no moment can come between the last one sent and the subscription."""
        if wire := self._prepare_of_ring(rest) + b"".join(self._own_rest()):
            self._client.tell(wire)
        last = self.position if self._relay.ring.last_t is None else self._relay.ring.last_t
        self._client.tell(self._own.encoder.wire(control("caught_up", t=last)))
        self._client.skip_until = self.position
        self._live.add(self._client, self.position)

    def _ring_goes_on(self) -> bool:
        first = self._relay.ring.first_t
        return first is None or first <= self.position + 1

    async def _from_tape(self) -> None:
        """Send from the recording up to where the ring begins, wherever that moves meanwhile."""
        waits = 0
        while not self._ring_goes_on():
            begin = self._relay.ring.first_t
            assert begin is not None
            recorded = await self._relay.recorded_t()
            overlap = min(_OVERLAP_TICKS, len(self._relay.ring) // 2)
            if waits < _MOST_WAITS and (recorded is None or recorded < begin + overlap):
                waits += 1
                await asyncio.sleep(_FLUSH_SECONDS)
            elif recorded is None or recorded <= self.position:
                await self._tell_loss()
            else:
                await self._read_and_send(min(begin - 1, recorded))

    async def _tell_loss(self) -> None:
        """Neither tape nor memory has what comes next."""
        first = self._relay.ring.first_t
        assert first is not None
        await self._client.put(self._prepare(self._losses(self.position + 1, first - 1)))
        self.position = max(self.position, first - 1)

    async def _read_and_send(self, to_t: int) -> None:
        while not await self._read_while_taken(to_t):
            pass
        if "tick" in self._live.options.types and self._ticks_to < to_t:
            # The tape goes on behind to_t, so that what it did not have is gone.
            await self._client.put(self._prepare([Loss("tick", self._ticks_to + 1, to_t, "expired")]))
        self.position = max(self.position, to_t)

    async def _read_while_taken(self, to_t: int) -> bool:
        """Read and send up to `to_t`, or until the client turns out to be slow; whether all is sent."""
        past = moments(self._relay.history, self._live.options.types, self.position, to_t)
        while (wire := await _in_pool(self._next_wire, past)) is not None:
            sending = asyncio.ensure_future(self._client.put(wire))
            try:
                await asyncio.wait({sending}, timeout=_SLOW_SECONDS)
                if not sending.done():
                    del past  # closes what it has open
                    await sending
                    return False
                sending.result()
            finally:
                sending.cancel()
        return True

    def _next_wire(self, past: Iterator[Record]) -> bytes | None:
        """The next batch, ready to be sent; None at the end."""
        batch = _next_batch(past)
        return self._prepare(batch) if batch else None

    def _prepare(self, records: Iterable[Record]) -> bytes:
        """What goes over the socket for these; the position moves behind them."""
        wires = []
        for record in records:
            if isinstance(record, Moment):
                wires += [item.wire for item in self._own.items(record)]
                self.position = record.t
                self._ticks_to = record.t if record.tick else self._ticks_to
            elif record.to_t > self._told[record.kind]:  # else told already, before the reading began anew
                from_t = max(record.from_t, self._told[record.kind] + 1)
                told = gap(record.kind, from_t, record.to_t, record.reason)
                wires += [*self._own_rest(), self._own.encoder.wire(told)]
                self._told[record.kind] = record.to_t
                self._ticks_to = max(self._told["tick"], self._ticks_to)
        return b"".join(wires)

    def _prepare_of_ring(self, moments: Iterable[Moment]) -> bytes:
        """As `_prepare`, of moments that would follow each other if none were lost."""
        wires = []
        for moment in moments:
            if moment.t > self.position + 1:
                wires.append(self._prepare(self._losses(self.position + 1, moment.t - 1)))
            wires.append(self._prepare([moment]))
        return b"".join(wires)

    def _losses(self, from_t: int, to_t: int) -> list[Loss]:
        """Everything the client wants of these is gone."""
        return [Loss(kind, from_t, to_t, "lost") for kind in KINDS if kind in self._live.options.types]

    def _own_rest(self) -> list[bytes]:
        """The arrays that are being gathered, as far as they are."""
        return [item.wire for item in self._own.end_arrays()]


async def _in_pool(work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_pool, work, *arguments)


def _first(moments: list[Moment], most_bytes: int) -> list[Moment]:
    """As many as have so many bytes together, one at least."""
    size = 0
    for count, moment in enumerate(moments):
        size += moment.size
        if size > most_bytes and count:
            return moments[:count]
    return moments


def _next_batch(past: Iterator[Record]) -> list[Record]:
    batch: list[Record] = []
    size = 0
    for record in islice(past, _BATCH):
        batch.append(record)
        size += record.size if isinstance(record, Moment) else 0
        if size >= _BATCH_BYTES:
            break
    return batch
