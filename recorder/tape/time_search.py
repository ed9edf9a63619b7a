"""Finds the t at which a recording reaches a moment of market time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from recorder.tape.history import History

#: So few ticks are read one after the other; one visit to the recording costs as much as reading some hundreds.
_FEW_TICKS = 256


def first_t_from(history: History, ts: float) -> int | None:
    """The first t whose market time is `ts` (Unix seconds) or later; None if none is. Raises OtherStore, OSError.

    Market time rises but where a market was down or an old tape is played; where it goes back, one of the places that
    fit is found.
    """
    return _first_t(history, lambda found: found >= ts)


def last_t_to(history: History, ts: float) -> int | None:
    """The last t before the first whose market time is later than `ts`; None if none is later.

    As for `first_t_from`. It may be the t before the recording's first.
    """
    behind = _first_t(history, lambda found: found > ts)
    return None if behind is None else behind - 1


def _first_t(history: History, fits: Callable[[float], bool]) -> int | None:
    """The first t with a time that fits, if all later ones fit as well: by halving what is left."""
    low, last = history.first_t(), history.last_t()
    if low is None or last is None:
        return None
    high: int | None = None  # the first place that is known to fit
    end = last + 1  # nothing between here and `high` need be asked about
    while end - low > _FEW_TICKS:
        middle = (low + end) // 2
        found = _next_time(history, middle)
        if found is not None and not fits(found[1]):
            low = found[0] + 1
            continue
        end, high = middle, high if found is None else found[0]
    return next((t for t, ts in _times(history, low, end - 1) if fits(ts)), high)


def _next_time(history: History, t: int) -> tuple[int, float] | None:
    return next(_times(history, t, None), None)


def _times(history: History, from_t: int, to_t: int | None) -> Iterator[tuple[int, float]]:
    """(t, market time) of the ticks that have one."""
    for line in history.lines("ticks", from_t - 1, to_t):
        if line.is_gap:
            continue
        ts = orjson.loads(line.text).get("ts")
        if isinstance(ts, int | float):
            yield line.first_t, ts
