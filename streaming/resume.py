"""Resume: brings a client from where it was to the present, exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

from recorder.errors import OtherStore
from runtime import pools
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import StreamClient
from streaming.history_moments import Record
from streaming.moments_after import MomentsAfter
from streaming.open_places import of_resumes
from streaming.position import whole
from streaming.protocol import Moment, behind, control, gap
from streaming.relay.relay import Relay

#: With no more than this to go, a client joins the live stream.
_REST_BYTES = 128 * 1024

#: The tape has this long to reach the beginning of memory. A flush takes a second at most.
_MOST_WAIT_SECONDS = 4.0

#: How often to look whether this process has heard what another one has sent a client in part.
_LOOK_SECONDS = 0.2


async def tell_store_changed(client: StreamClient, relay: Relay, feed: Feed, position: int) -> None:
    """Announce to a client whose position is in another store that it starts over from the beginning."""
    from_t = behind(position)
    former, client.store_id = client.store_id, relay.store_id
    items = feed.store_changed(from_t, max(from_t, relay.end_of(former)), str(client.store_id))
    await client.put(b"".join(item.wire for item in items))


class Resume:
    """One client's way from behind t = `since` into the live stream of its feed."""

    def __init__(
        self, client: StreamClient, relay: Relay, feed: Feed, since: int, has: Mapping[str, int] | None = None
    ) -> None:
        """`has` says of each kind up to which t >= `since` the client has it, where that is not `since` itself."""
        self._client, self._relay, self._live, self._has = client, relay, feed, has or {}
        # It prepares like the client's feed, at the client's own position.
        self._own = Feed(feed.options, counts=feed.counts, has=has)
        self._wire: bytes | None = None  # the batch that was read last, encoded in the same turn
        self._missed = MomentsAfter(
            relay, client, feed.options.types, since, self._pooled, _MOST_WAIT_SECONDS, has, of_resumes
        )

    @property
    def position(self) -> int:
        """The client was sent everything up to here, or told of its loss."""
        return self._missed.t

    async def run(self) -> None:
        """Send what was missed, then `caught_up`, and subscribe. Waits as long as the client needs to take it.

        Raises OSError; OtherStore, at the latest before the client joins, where the market has another recording than
        the client's: then `position` is where it stands in its own.
        """
        await self._relay.ready()
        await self._let_it_come()
        self._own.store_id = self._client.store_id
        try:
            with closing(self._missed) as missed:
                while (rest := missed.rest(_REST_BYTES)) is None:
                    wire = await self._encoded(await missed.batch())
                    missed.keep()
                    await self._client.put(wire)
                self._join(rest)
        except OtherStore:
            await self._client.put(b"".join(self._own_rest()))
            raise

    async def _let_it_come(self) -> None:
        """Wait for the rest of what the client has in part, which another process sent it sooner. Raises OtherStore."""
        needed_t = max(self._has.values(), default=-1)
        while True:
            self._relay.same_store(self._client)
            if _last_t(self._relay) >= needed_t:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _pooled(self, read: Callable[..., Any], *arguments: Any) -> Any:
        return await pools.resumes.go_on(self._read_and_encode, read, *arguments)

    def _read_and_encode(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """What `read` returns. Records are the next batch, so they are encoded in the same turn."""
        if records := read(*arguments):
            self._wire = self._prepare(records)
        return records

    async def _encoded(self, batch: list[Record]) -> bytes:
        """The batch as it is sent; one from memory has a turn of its own."""
        wire, self._wire = self._wire, None
        return await pools.resumes.go_on(self._prepare, batch) if wire is None else wire

    def _join(self, rest: list[Record]) -> None:
        """Nothing waits in here, so no moment can come between the last one sent and the subscription."""
        if wire := self._prepare(rest) + b"".join(self._own_rest()):
            self._client.tell(wire)
        # -1 where nothing is known: that a client is ahead of the market tells it that this is another one.
        told = control("caught_up", t=_last_t(self._relay), **self._relay.named_store)
        self._client.tell(self._own.encoder.wire("caught_up", told, whole(self.position, self._own.store_id)))
        self._client.skip_until, self._client.resumed = self.position, True
        self._live.add(self._client, self.position)

    def _prepare(self, records: Iterable[Record]) -> bytes:
        """What goes over the socket for these."""
        wires = []
        for record in records:
            if isinstance(record, Moment):
                wires += [item.wire for item in self._own.items(record)]
            else:
                self._own.counts.tell_gap(record.reason)
                told = gap(record.kind, record.from_t, record.to_t, record.reason)
                wires += [*self._own_rest(), self._own.encoder.wire("gap", told)]
        return b"".join(wires)

    def _own_rest(self) -> list[bytes]:
        """The arrays that are being gathered, as far as they are."""
        return [item.wire for item in self._own.end_arrays()]


def _last_t(relay: Relay) -> int:
    """The newest t in memory, -1 if there is none."""
    return -1 if relay.ring.last_t is None else relay.ring.last_t
