"""Ticks behind a t, from memory where it holds them and from the recording beyond."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson

from recorder.errors import OtherStore
from runtime import pools
from streaming.history_moments import Record
from streaming.http.ndjson import PIECE_BYTES
from streaming.moments_after import BATCH, MomentsAfter
from streaming.protocol import Loss, behind
from streaming.relay.relay import Relay


class Page:
    """Up to `limit` ticks with t > from_t, all of one recording, as the pieces of a JSON object.

    They are found as the client takes them; a second gap ends the page, so that none is passed over in silence.
    `store_id` is the recording in which `from_t` is a position, None where that is not known. Where the market has
    another one, the gap says so, and the ticks are from its beginning.
    """

    def __init__(self, relay: Relay, from_t: int, limit: int, store_id: str | None = None) -> None:
        self._relay, self._from_t, self._limit, self._known_id = relay, from_t, limit, store_id
        self._reset()

    def _reset(self) -> None:
        relay, known = self._relay, self._known_id
        #: The recording that the ticks are of.
        self.store_id = relay.store_id
        self._changed = None not in (known, relay.store_id) and known != relay.store_id
        after_t = self._from_t
        self._gap: Loss | None = None
        if self._changed:
            from_t = behind(self._from_t)
            after_t, self._gap = -1, Loss("tick", from_t, max(from_t, relay.end_of(known)), "store_changed")
        self._behind = MomentsAfter(relay, self, ["tick"], after_t, self._pooled, relay.settle_seconds)
        self._count, self._latest_t = 0, relay.ring.last_t
        self._begun, self._answered = b"", False
        #: Whether the last piece is made.
        self.ended = False
        self._ticks: list[bytes] = []
        self._size = 0

    # -- its pieces

    async def begin(self) -> bytes:
        """Make the first piece, which is the whole page where that has `ended`. Raises OSError, pools.Busy."""
        while True:
            head = b'{"from_t":%d,"store":%b,"data":[' % (self._from_t, orjson.dumps(self.store_id))
            try:
                self._begun = await self._piece(head)
                self._answered = True
                return self._begun
            except OtherStore as other:
                self._relay.enter(other.store_id)
            self._reset()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece, self._begun = self._begun, b""
        if not piece and self.ended:
            raise StopAsyncIteration
        piece = piece or await self._next_piece()
        self._behind.keep()
        return piece

    async def _next_piece(self) -> bytes:
        try:
            return await self._piece()
        except OtherStore as other:  # what was sent is of one recording, and ends with it
            self._relay.enter(other.store_id)
            return self._cut(b"", ended=True)

    def close(self) -> None:
        """The client is gone, or has all."""
        self._behind.close()

    async def _piece(self, head: bytes = b"") -> bytes:
        ended = False
        while self._size < PIECE_BYTES and not ended:
            ended = not await self._step()
        if ended and (self._latest_t is None or not self._relay.filling.filled.is_set()):
            recorded_t = await self._pooled(self._relay.history.last_t)  # what memory is still being filled with
            self._latest_t = max((t for t in (self._latest_t, recorded_t) if t is not None), default=None)
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

    # -- its ticks

    async def _step(self) -> bool:
        """Gather some ticks more; False at the end of the page. Raises OSError, OtherStore, pools.Busy."""
        ring, left = self._relay.ring, self._limit - self._count
        if not left:
            return False
        records = await self._behind.batch(min(left, BATCH), PIECE_BYTES - self._size)
        self._latest_t = ring.last_t if ring else self._latest_t
        return self._add(records)

    async def _pooled(self, work: Any, *arguments: Any) -> Any:
        """Refused only while there is no answer yet."""
        return await (pools.past.go_on if self._answered else pools.past.run)(work, *arguments)

    def _add(self, records: list[Record]) -> bool:
        """Gather these; False at the present, and when a gap ends the page."""
        for record in records:
            if isinstance(record, Loss):
                if self._gap is not None and (self._changed or self._gap.to_t + 1 != record.from_t):
                    return False
                self._gap = record if self._gap is None else _joined(self._gap, record)
            elif record.tick is not None:
                self._ticks.append(record.tick)
                self._count += 1
                self._size += len(record.tick)
        return bool(records)


def _joined(one: Loss, next_one: Loss) -> Loss:
    """Two that follow each other as one. Of their reasons that which says that something can be done is told."""
    reason = "damaged" if next_one.reason == "damaged" else one.reason
    return Loss(one.kind, one.from_t, next_one.to_t, reason)
