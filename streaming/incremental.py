"""Ticks behind a t, from memory where it holds them and from the recording beyond."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import islice

from streaming.past import Loss, moments
from streaming.protocol import Moment
from streaming.relay import Relay


@dataclass(slots=True)
class Page:
    """Ticks in ascending order, and the one range before or between them that is gone."""

    ticks: list[bytes] = field(default_factory=list)
    last_t: int = -1
    gap: tuple[int, int] | None = None


async def ticks_after(relay: Relay, from_t: int, limit: int) -> Page:
    """Up to `limit` ticks with t > from_t; a second gap ends the page, so that none is passed over in silence."""
    page = Page(last_t=from_t)
    first = relay.ring.first_t
    if first is None or from_t + 1 < first:
        to_t = None if first is None else first - 1
        records = await asyncio.to_thread(lambda: list(islice(moments(relay.history, ["tick"], from_t, to_t), limit)))
        if not _add(page, records):
            return page
    if len(page.ticks) >= limit:
        return page
    recent: list[Moment | Loss] = [*relay.ring.after(page.last_t, limit - len(page.ticks))]
    if recent:
        begin = recent[0]
        assert isinstance(begin, Moment)
        if begin.t > page.last_t + 1:  # the tape ends before the ring begins
            recent.insert(0, Loss("tick", page.last_t + 1, begin.t - 1, "lost"))
    _add(page, recent)
    return page


def _add(page: Page, records: list[Moment | Loss]) -> bool:
    """Add to a page; False when a gap ends it."""
    for record in records:
        if isinstance(record, Loss):
            if page.gap is not None and page.gap[1] + 1 != record.from_t:
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
