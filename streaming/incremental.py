"""Ticks behind a t, from memory where it holds them and from the recording beyond."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from recorder.errors import OtherStore
from streaming.past import Loss, moments
from streaming.protocol import Moment
from streaming.relay import Relay

#: A page ends with so much read from disk, so that a few large ones cannot fill the memory; what the ring holds is
#: shared by all who ask.
_READ_BYTES = 32 << 20
_PIECE_BYTES = 128 * 1024


@dataclass(slots=True)
class Page:
    """Ticks in ascending order, and the one range before or between them that is gone.

    `changed`: the gap tells that the ticks are of another recording than the client's, from its beginning.
    """

    ticks: list[bytes] = field(default_factory=list)
    last_t: int = -1
    gap: tuple[int, int] | None = None
    changed: bool = False
    store_id: str | None = None
    latest_t: int | None = None


async def ticks_after(relay: Relay, from_t: int, limit: int, store_id: str | None = None) -> Page:
    """Up to `limit` ticks with t > from_t, all of one recording; a second gap ends the page, so that none is passed
    over in silence. `store_id` is the recording in which `from_t` is a position, None where that is not known."""
    while True:
        try:
            page = _page(relay, from_t, store_id)
            await _fill(page, relay, limit)
            newest = relay.ring.last_t
            page.latest_t = await asyncio.to_thread(relay.history.last_t) if newest is None else newest
        except OtherStore as other:
            relay.enter(other.store_id)
        if page.store_id in (None, relay.store_id):
            return page


def _page(relay: Relay, from_t: int, store_id: str | None) -> Page:
    """An empty page that begins behind a position."""
    if None in (store_id, relay.store_id) or store_id == relay.store_id:
        return Page(last_t=from_t, store_id=relay.store_id)
    gap = (from_t + 1, max(from_t + 1, relay.end_of(store_id)))
    return Page(gap=gap, changed=True, store_id=relay.store_id)


async def _fill(page: Page, relay: Relay, limit: int) -> None:
    """Raises OSError, OtherStore."""
    recorded: int | None = None  # how far the tape had come before it was last read; asked for where that matters
    has_waited = False
    while len(page.ticks) < limit:
        if following := relay.ring.following(page.last_t, limit - len(page.ticks)):
            _add(page, following)
            continue
        ahead = relay.ring.after(page.last_t, 1)
        if not ahead and relay.ring:
            break
        # Before memory begins, or in a hole of it.
        to_t = ahead[0].t - 1 if ahead else None
        past = moments(relay.history, ["tick"], page.last_t, to_t)
        records = await asyncio.to_thread(_some, past, limit - len(page.ticks))
        if not _add(page, records) or _size(records) >= _READ_BYTES or to_t is None:
            break
        if page.last_t >= to_t or len(page.ticks) == limit:
            continue
        if has_waited or (recorded is not None and recorded > to_t):
            if not _add(page, [Loss("tick", page.last_t + 1, to_t, "lost")]):
                break
            continue
        if recorded is not None:
            has_waited = True
            await asyncio.sleep(relay.settle_seconds)
        found = await relay.recorded_t()
        recorded = -1 if found is None else found


def json_pieces(page: Page, from_t: int) -> Iterator[bytes]:
    """The answer to a client, as pieces of its JSON."""
    facts = {"from_t": from_t, "count": len(page.ticks), "latest_t": page.latest_t, "store": page.store_id}
    head = orjson.dumps(facts)
    gap: dict[str, Any] = {} if page.gap is None else {"gap": {"from_t": page.gap[0], "to_t": page.gap[1]}}
    if page.changed:
        gap["gap"]["reason"] = "store_changed"
    tail = orjson.dumps(gap)[1:]
    piece, size = [head[:-1], b',"data":['], 0
    for index, tick in enumerate(page.ticks):
        piece += [b",", tick] if index else [tick]
        size += len(tick)
        if size >= _PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join([*piece, b"],", tail] if gap else [*piece, b"]", tail])


def _some(past: Iterator[Moment | Loss], most: int) -> list[Moment | Loss]:
    """Records up to so many ticks, of which a loss is none, or so many bytes."""
    found: list[Moment | Loss] = []
    ticks = size = 0
    for record in past:
        found.append(record)
        if isinstance(record, Moment):
            ticks, size = ticks + 1, size + record.size
        if ticks == most or size >= _READ_BYTES:
            break
    return found


def _size(records: Iterable[Moment | Loss]) -> int:
    return sum(record.size for record in records if isinstance(record, Moment))


def _add(page: Page, records: Iterable[Moment | Loss]) -> bool:
    """Add to a page; False when a gap ends it."""
    for record in records:
        if isinstance(record, Loss):
            if page.gap is not None and (page.changed or page.gap[1] + 1 != record.from_t):
                return False
            page.gap = (page.gap[0] if page.gap else record.from_t, record.to_t)
            page.last_t = record.to_t
        elif record.tick is not None:
            if page.gap is None and record.t > page.last_t + 1:
                page.gap = (page.last_t + 1, record.t - 1)
            elif record.t > page.last_t + 1:
                return False
            page.ticks.append(record.tick)
            page.last_t = record.t
    return True
