"""Resume: brings a client from where it was to the present, exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice

from runtime import pools
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import StreamClient
from streaming.history_moments import Loss, moments
from streaming.protocol import KINDS, Moment, control, gap
from streaming.relay.relay import Relay

#: What a client that catches up holds in memory: a batch of so many ticks or so many bytes. Each job on the threads of
#: all who catch up makes one, so they take turns.
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

Record = Moment | Loss


class Resume:
    """One client's way from behind t = `position` into the live stream of its feed."""

    def __init__(self, client: StreamClient, relay: Relay, feed: Feed, since: int) -> None:
        self._client, self._relay, self._live = client, relay, feed
        self._history = relay.history
        self._own = Feed(feed.options)  # prepares like the client's feed, at the client's own position
        self._done = dict.fromkeys(KINDS, since)  # the last t of each kind that was sent, or told as lost
        self.position = since

    async def run(self) -> None:
        """Send what was missed, then `caught_up`, and subscribe. Waits as long as the client needs to take it.

        Raises OSError; OtherStore, at the latest before the client joins, where the market has another recording than
        the client's: then `position` is where it stands in its own.
        """
        await self._relay.ready()
        while True:
            self._check_store()
            ring = self._relay.ring
            if not self._ring_goes_on():
                await self._from_tape()
                continue
            batch = _first(ring.following(self.position, _BATCH), _BATCH_BYTES)
            if not batch and (behind_hole := ring.after(self.position, 1)):
                await self._read_and_send(behind_hole[0].t - 1, hole=True)
            elif self._is_rest(batch):
                return self._join(batch)
            else:
                await self._client.put(await pools.resumes.go_on(self._prepare, batch))

    def _check_store(self) -> None:
        """Raises OtherStore."""
        self._history = self._relay.same_store(self._client)

    def _is_rest(self, batch: list[Moment]) -> bool:
        """Whether nothing is missing behind these, and they are few."""
        last, end = self._relay.ring.last_t, batch[-1].t if batch else self.position
        return (last is None or end >= last) and sum(one.size for one in batch) <= _REST_BYTES

    def _join(self, rest: list[Moment]) -> None:
        """Nothing waits in here, so no moment can come between the last one sent and the subscription."""
        if wire := self._prepare(rest) + b"".join(self._own_rest()):
            self._client.tell(wire)
        # -1 where nothing is known: that a client is ahead of the market tells it that this is another one.
        last = -1 if self._relay.ring.last_t is None else self._relay.ring.last_t
        self._client.tell(self._own.encoder.wire(control("caught_up", t=last, **self._relay.named_store)))
        self._client.skip_until, self._client.resumed = self.position, True
        self._live.add(self._client, self.position)

    def _ring_goes_on(self) -> bool:
        first = self._relay.ring.first_t
        return first is None or first <= self.position + 1

    async def _from_tape(self) -> None:
        """Send from the recording up to where the ring begins, wherever that moves meanwhile."""
        waits = 0
        while not self._ring_goes_on():
            recorded = await self._relay.recorded_t()
            self._check_store()
            begin = self._relay.ring.first_t
            assert begin is not None
            if waits < _MOST_WAITS and (recorded is None or recorded < begin - 1):
                waits += 1
                await asyncio.sleep(_FLUSH_SECONDS)
            elif recorded is None or recorded <= self.position:
                await self._tell_loss(begin)
            else:
                await self._read_and_send(min(begin - 1, recorded))

    async def _tell_loss(self, first: int) -> None:
        """Neither tape nor memory has what comes before t = `first`."""
        await self._client.put(self._prepare(self._losses(self.position + 1, first - 1, "lost")))
        self.position = max(self.position, first - 1)

    async def _read_and_send(self, to_t: int, *, hole: bool = False) -> None:
        """Send what is recorded up to `to_t` and tell what is gone, since the tape goes on there, or memory does."""
        wanted = self._live.options.types
        kinds = wanted | {"tick"} if hole else wanted  # ticks tell a hole from a time without a frame
        if "tick" not in wanted:
            self._done["tick"] = self.position
        while not await self._read_while_taken(kinds, to_t):
            pass
        if "tick" in kinds and self._done["tick"] < to_t:
            losses = self._losses(self._done["tick"] + 1, to_t, "lost" if hole else "expired")
            await self._client.put(self._prepare(losses))
        self.position = max(self.position, to_t)

    async def _read_while_taken(self, kinds: Iterable[str], to_t: int) -> bool:
        """Read and send up to `to_t`, or until the client turns out to be slow; whether all is sent."""
        past = moments(self._history, kinds, self.position, to_t)
        while (wire := await pools.resumes.go_on(self._next_wire, past)) is not None:
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
                self._note(record)
            elif record.to_t > self._done[record.kind]:  # else told already, before the reading began anew
                from_t = max(record.from_t, self._done[record.kind] + 1)
                self._done[record.kind] = record.to_t
                if record.kind in self._live.options.types:
                    told = gap(record.kind, from_t, record.to_t, record.reason)
                    wires += [*self._own_rest(), self._own.encoder.wire(told)]
        return b"".join(wires)

    def _note(self, sent: Moment) -> None:
        for kind in KINDS:
            if getattr(sent, kind) is not None:
                self._done[kind] = sent.t

    def _losses(self, from_t: int, to_t: int, reason: str) -> list[Loss]:
        """Everything the client wants of these is gone."""
        return [Loss(kind, from_t, to_t, reason) for kind in KINDS if kind in self._live.options.types]

    def _own_rest(self) -> list[bytes]:
        """The arrays that are being gathered, as far as they are."""
        return [item.wire for item in self._own.end_arrays()]


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
