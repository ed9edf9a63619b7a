"""Ticks behind a t, from memory where it holds them and from the recording beyond."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import orjson

from recorder.errors import OtherStore
from runtime import pools
from streaming.history_moments import Loss, moments
from streaming.http.ndjson import PIECE_BYTES, SLOW_SECONDS
from streaming.protocol import Moment
from streaming.relay.relay import Relay

Record = Moment | Loss

#: Ticks that are looked for in memory at a time; a piece has room for some dozens.
_STEP_TICKS = 256


class Page:
    """Up to `limit` ticks with t > from_t, all of one recording, as the pieces of a JSON object.

    They are found as the client takes them; a second gap ends the page, so that none is passed over in silence.
    `store_id` is the recording in which `from_t` is a position, None where that is not known. Where the market has
    another one, the gap says so, and the ticks are from its beginning.
    """

    def __init__(self, relay: Relay, from_t: int, limit: int, store_id: str | None = None) -> None:
        self._relay, self._from_t, self._limit, self._known_id = relay, from_t, limit, store_id
        self._slow: asyncio.TimerHandle | None = None
        self._reset()

    def _reset(self) -> None:
        relay, known = self._relay, self._known_id
        #: The recording that the ticks are of.
        self.store_id = relay.store_id
        self._changed = None not in (known, relay.store_id) and known != relay.store_id
        self._last_t = self._from_t
        self._gap: Loss | None = None
        if self._changed:
            last_t = max(self._from_t + 1, relay.end_of(known))
            self._last_t, self._gap = -1, Loss("tick", self._from_t + 1, last_t, "store_changed")
        self._count, self._latest_t = 0, relay.ring.last_t
        self._begun, self._answered = b"", False
        #: Whether the last piece is made.
        self.ended = False
        self._ticks: list[bytes] = []
        self._size = 0
        self._past: Iterator[Record] | None = None
        self._to_t: int | None = None
        self._recorded: int | None = None  # how far the tape had come before it was last read
        self._has_waited = False

    # -- its pieces

    async def begin(self) -> bytes:
        """Make the first piece, which is the whole page where that has `ended`. Raises OSError, pools.Busy."""
        while True:
            try:
                self._begun = await self._piece(b'{"from_t":%d,"store":%b,"data":[' % (self._from_t, self._named()))
                self._answered = True
                return self._begun
            except OtherStore as other:
                self._relay.enter(other.store_id)
            self._reset()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._slow is not None:
            self._slow.cancel()
        piece, self._begun = self._begun, b""
        if not piece and self.ended:
            raise StopAsyncIteration
        piece = piece or await self._next_piece()
        if self._past is not None:
            self._slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._give_up)
        return piece

    async def _next_piece(self) -> bytes:
        try:
            return await self._piece()
        except OtherStore as other:  # what was sent is of one recording, and ends with it
            self._relay.enter(other.store_id)
            return self._cut(b"", ended=True)

    def close(self) -> None:
        """The client is gone, or has all."""
        if self._slow is not None:
            self._slow.cancel()
        self._give_up()

    def _give_up(self) -> None:
        """Close what is open of the recording; where that is read on its thread, with the end of that."""
        self._past = None

    async def _piece(self, head: bytes = b"") -> bytes:
        ended = False
        while self._size < PIECE_BYTES and not ended:
            ended = not await self._step()
        if ended and self._latest_t is None:
            self._latest_t = await self._pooled(self._relay.history.last_t)
        return self._cut(head, ended=ended)

    def _cut(self, head: bytes, *, ended: bool) -> bytes:
        """What is gathered, as a piece."""
        comma = b"," if self._ticks and self._count > len(self._ticks) else b""
        piece = b"".join((head, comma, b",".join(self._ticks), self._tail() if ended else b""))
        self._ticks, self._size, self.ended = [], 0, ended
        return piece

    def _tail(self) -> bytes:
        facts: dict[str, Any] = {"count": self._count, "latest_t": self._latest_t}
        if self._gap is not None:
            facts["gap"] = {"from_t": self._gap.from_t, "to_t": self._gap.to_t, "reason": self._gap.reason}
        return b"]," + orjson.dumps(facts)[1:]

    def _named(self) -> bytes:
        return orjson.dumps(self.store_id)

    # -- its ticks

    async def _step(self) -> bool:
        """Gather some ticks more; False at the end of the page. Raises OSError, OtherStore, pools.Busy."""
        if self.store_id is not None and self._relay.store_id not in (None, self.store_id):
            raise OtherStore(self._relay.store_id or "")
        ring, left = self._relay.ring, self._limit - self._count
        self._latest_t = ring.last_t if ring else self._latest_t
        if not left:
            return False
        if self._past is None:
            if following := ring.following(self._last_t, min(left, _STEP_TICKS)):
                return self._add(_some(iter(following), left, self._room)[0])
            ahead = ring.after(self._last_t, 1)
            if not ahead and ring:
                return False
            # Before memory begins, or in a hole of it.
            self._to_t = ahead[0].t - 1 if ahead else None
            self._past = moments(self._relay.history, ["tick"], self._last_t, self._to_t)
        return await self._read(self._past, left)

    @property
    def _room(self) -> int:
        return PIECE_BYTES - self._size

    async def _read(self, past: Iterator[Record], left: int) -> bool:
        records, more = await self._pooled(_some, past, left, self._room)
        if not self._add(records):
            return False
        if more:
            return True
        self._past = None
        if self._to_t is None:
            return False
        if self._last_t >= self._to_t or self._count == self._limit:
            return True
        return await self._bridge(self._to_t)

    async def _bridge(self, to_t: int) -> bool:
        """The tape ends before `to_t`: it is read again once it has come further; what is missing then is lost."""
        if self._has_waited or (self._recorded is not None and self._recorded > to_t):
            return self._add([Loss("tick", self._last_t + 1, to_t, "lost")])
        if self._recorded is not None:
            self._has_waited = True
            await asyncio.sleep(self._relay.settle_seconds)
        found = await self._relay.recorded_t()
        self._recorded = -1 if found is None else found
        return True

    async def _pooled(self, work: Any, *arguments: Any) -> Any:
        """Refused only while there is no answer yet."""
        return await (pools.past.go_on if self._answered else pools.past.run)(work, *arguments)

    def _add(self, records: Iterable[Record]) -> bool:
        """Gather these; False when a gap ends the page."""
        for record in records:
            if isinstance(record, Loss):
                if self._gap is not None and (self._changed or self._gap.to_t + 1 != record.from_t):
                    return False
                self._gap = record if self._gap is None else _joined(self._gap, record)
                self._last_t = record.to_t
            elif record.tick is not None:
                if self._gap is None and record.t > self._last_t + 1:
                    self._gap = Loss("tick", self._last_t + 1, record.t - 1, "lost")
                elif record.t > self._last_t + 1:
                    return False
                self._ticks.append(record.tick)
                self._last_t = record.t
                self._count += 1
                self._size += len(record.tick)
        return True


def _joined(one: Loss, next_one: Loss) -> Loss:
    """Two that follow each other as one. Of their reasons that which says that something can be done is told."""
    reason = "damaged" if next_one.reason == "damaged" else one.reason
    return Loss(one.kind, one.from_t, next_one.to_t, reason)


def _some(records: Iterator[Record], most: int, most_bytes: int) -> tuple[list[Record], bool]:
    """Records up to so many ticks, of which a loss is none, or so many bytes; and whether there may be more."""
    found: list[Record] = []
    ticks = size = 0
    for record in records:
        found.append(record)
        if isinstance(record, Moment):
            ticks, size = ticks + 1, size + record.size
        if ticks == most or size >= most_bytes:
            return found, True
    return found, False
