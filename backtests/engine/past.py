"""The past of a backtest: its bars so far, and the coarser ones that had closed by then; nothing of the future."""

from __future__ import annotations

from itertools import pairwise

from backtests.bar import Bar, seen
from backtests.errors import BadHistory
from bars.making.ohlcv import Merger, Ohlcv
from bars.making.resolutions import PERIOD_MS
from runtime.shown import shown

#: Bars kept of each frequency, and the most that a strategy gets at once.
MOST_BARS = 5000


class Past:
    """The closed bars of a resolution and of each coarser one; put together as everywhere else (`bars.making.ohlcv`).

    None that begins before `begin_ms` (the first bar's open, if not given): of such a one only a part would be known.
    """

    def __init__(self, resolution: str, begin_ms: int | None = None) -> None:
        finest = PERIOD_MS[resolution]
        self._levels = {name: _Level(name) for name, ms in PERIOD_MS.items() if ms >= finest}
        self._finest, *self._coarser = self._levels.values()
        self._ended = 0
        self._begin_ms = begin_ms
        for below, above in pairwise(self._levels.values()):
            below.above = above

    def add(self, bar: Ohlcv) -> None:
        """A further bar has closed."""
        if not self._ended:
            self._begin(bar)
        if bar.open_ms != self._ended:
            # The market was down: periods that ended meanwhile have closed without a bar of theirs to say so.
            for level in self._coarser:
                level.close_before(bar.open_ms)
        self._ended = bar.close_ms
        self._finest.close(bar)

    def _begin(self, first: Ohlcv) -> None:
        for level in self._levels.values():
            level.begin_ms = first.open_ms if self._begin_ms is None else self._begin_ms

    def last(self, count: int, frequency: str) -> list[Bar]:
        """The last closed bars, oldest first, fewer where there are no more. Raises BadHistory."""
        level = self._levels.get(frequency) if isinstance(frequency, str) else None
        if level is None:
            raise BadHistory(f"frequency must be one of {', '.join(self._levels)} here, got {shown(frequency)}")
        if type(count) is not int or not 1 <= count <= MOST_BARS:
            raise BadHistory(f"count must be an integer from 1 to {MOST_BARS}, got {shown(count)}")
        return level.closed[-count:]


class _Level:
    """The bars of one frequency; each that closes is told to the level above."""

    def __init__(self, resolution: str) -> None:
        self._forming = Merger(resolution)
        self.closed: list[Bar] = []
        self.above: _Level | None = None
        self.begin_ms = 0

    def close(self, bar: Ohlcv) -> None:
        if bar.open_ms < self.begin_ms:
            return
        if len(self.closed) >= 2 * MOST_BARS:
            del self.closed[:-MOST_BARS]
        self.closed.append(seen(bar))
        if self.above is not None:
            self.above.take(bar)

    def take(self, finer: Ohlcv) -> None:
        """Take in a bar of the level below; the period closes with the bar that ends it."""
        self._forming.take(finer)
        self.close_before(finer.close_ms)

    def close_before(self, ms: int) -> None:
        """Close the period at hand if it ends by then."""
        if (bar := self._forming.close_before(ms)) is not None:
            self.close(bar)
