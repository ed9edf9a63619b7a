"""Resume: brings a client from where it was to the present, exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from streaming.clients import StreamClient
from streaming.feed import Feed
from streaming.past import Loss, moments
from streaming.protocol import KINDS, Moment, control, gap
from streaming.relay import Relay

#: Few threads for all who catch up, so that however many there are, the loop keeps most of the machine; each job reads
#: one batch, so they take turns.
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="resume")
_BATCH = 256

#: How long to wait for the tape when it ends before the ring begins, and how often: a flush takes a second at most.
_FLUSH_SECONDS = 0.5
_MOST_WAITS = 8

#: Tapes are flushed each on its own. Where the tick tape reaches this far into the ring, the others reach it too.
_OVERLAP_TICKS = 50


class Resume:
    """One client's way from behind t = `position` into the live stream of its feed."""

    def __init__(self, client: StreamClient, relay: Relay, feed: Feed, since: int) -> None:
        self._client, self._relay, self._live = client, relay, feed
        self._own = Feed(feed.options)  # prepares like the client's feed, at the client's own position
        self.position = since

    async def run(self) -> None:
        """Send what was missed, then `caught_up`, and subscribe. Waits as long as the client needs to take it."""
        ring = self._relay.ring
        await self._relay.filled.wait()
        while True:
            if not self._ring_goes_on():
                await self._from_tape()
            batch = ring.after(self.position, _BATCH)
            if not batch:
                break
            if self._ring_goes_on():  # else it moved on while the client was reading
                await self._send(batch)
        # From here on nothing waits, so no moment can come between the last one sent and the subscription.
        for wire in self._own_rest():
            self._client.tell(wire)
        last = self.position if ring.last_t is None else ring.last_t
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
            recorded = await asyncio.to_thread(self._relay.history.last_t)
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
        kinds = [kind for kind in KINDS if kind in self._live.options.types]
        await self._send([Loss(kind, self.position + 1, first - 1, "lost") for kind in kinds])
        self.position = max(self.position, first - 1)

    async def _read_and_send(self, to_t: int) -> None:
        past = moments(self._relay.history, self._live.options.types, self.position, to_t)
        loop = asyncio.get_running_loop()
        while batch := await loop.run_in_executor(_pool, lambda: list(islice(past, _BATCH))):
            await self._send(batch)
        self.position = max(self.position, to_t)

    async def _send(self, batch: Sequence[Moment | Loss]) -> None:
        wires = []
        for record in batch:
            if isinstance(record, Loss):
                told = gap(record.kind, record.from_t, record.to_t, record.reason)
                wires += [*self._own_rest(), self._own.encoder.wire(told)]
            else:
                wires += [item.wire for item in self._own.items(record)]
                self.position = record.t
        if wires:
            await self._client.put(b"".join(wires))

    def _own_rest(self) -> list[bytes]:
        """The arrays that are being gathered, as far as they are."""
        return [item.wire for item in self._own.end_arrays()]
