"""Merging: bars from the cache and bars from the history as one row, without a repeat or a hole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from marketcamera.bars.bar import RESOLUTIONS, Bar

#: A bar closes with the first tick of the next period, and travels: only later than this it is missed.
_GRACE_MS = 2_000


def closed_by(bars: Iterable[Bar], end_ms: int | None) -> list[Bar]:
    """The bars that had closed at a time; all with None."""
    return [bar for bar in bars if end_ms is None or bar.close_time <= end_ms]


def suffices(
    whole: Sequence[Bar], count: int, end_ms: int | None, now_ms: int, *, fed: bool, replayed: bool = False
) -> bool:
    """Whether the newest `count` bars at `end_ms` (now with None) are among these, which have no hole in between.

    `fed` tells that bars are added as they close; `replayed`, that now is that very moment.
    """
    if len(closed_by(whole, end_ms)) < count:
        return False
    newest = whole[-1]
    if end_ms is not None and end_ms <= newest.close_time:
        return True
    missing_ms = now_ms - newest.close_time - RESOLUTIONS[newest.resolution]
    return fed and (missing_ms < 0 if replayed else missing_ms <= _GRACE_MS)


def merged(live: Iterable[Bar], recorded: Iterable[Bar], count: int, end_ms: int | None) -> list[Bar]:
    """The newest `count` of both at `end_ms`, oldest first, one for each close time; the live one wins."""
    by_time = {bar.close_time: bar for bar in recorded} | {bar.close_time: bar for bar in live}
    bars = closed_by((by_time[time] for time in sorted(by_time)), end_ms)
    return bars[-count:]


def gaps(bars: Sequence[Bar]) -> list[dict[str, int]]:
    """The spans within a row of bars for which there is none, since the market was down: `from` and `to` in ms."""
    return [
        {"from": before.close_time, "to": after.open_time}
        for before, after in pairwise(bars)
        if before.close_time < after.open_time
    ]
