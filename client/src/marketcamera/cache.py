"""The cache: the newest bars of each (symbol, resolution) that a feed brought, for any number of threads."""

from __future__ import annotations

import threading
from bisect import insort

from marketcamera.bars import Bar

#: Bars kept of each pair, and asked for whenever a feed connects: so what a reconnect brings fills any hole there is.
CAPACITY = 1000


class _Row:
    """The bars of one pair by close time. Those from `whole_from` on follow each other without a hole."""

    def __init__(self) -> None:
        self.bars: dict[int, Bar] = {}
        self.times: list[int] = []
        self.whole_from: int | None = None
        self.reconnected = True

    def put(self, bar: Bar) -> None:
        if self.reconnected:
            self._join(bar)
        if bar.close_time not in self.bars:
            insort(self.times, bar.close_time)
        self.bars[bar.close_time] = bar
        while len(self.times) > CAPACITY:
            del self.bars[self.times.pop(0)]

    def _join(self, first: Bar) -> None:
        """Judge by the first bar of a connection, which is followed by all later ones, whether it left a hole."""
        self.reconnected = False
        if self.whole_from is None or first.open_time > self.times[-1]:
            self.whole_from = first.close_time
        else:
            self.whole_from = min(self.whole_from, first.close_time)


class BarCache:
    """1,000 bars of each pair, one for each close time: the last that was put wins."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self._changed = threading.Condition()

    def put(self, bar: Bar) -> None:
        """Keep a bar; whoever waits for it goes on."""
        with self._changed:
            self._rows.setdefault((bar.symbol, bar.resolution), _Row()).put(bar)
            self._changed.notify_all()

    def interrupted(self) -> None:
        """Bars may have closed unheard, as between two connections, and those that come now may come again."""
        with self._changed:
            for row in self._rows.values():
                row.reconnected = True

    def clear(self) -> None:
        """Forget every bar."""
        with self._changed:
            self._rows.clear()

    def get_bars(self, symbol: str, resolution: str, count: int | None = None) -> list[Bar]:
        """The newest `count` bars, or all of them, oldest first; an empty list where there are none."""
        if count is not None and count < 0:
            raise ValueError(f"count must be at least 0, got {count}")
        with self._changed:
            row = self._rows.get((symbol, resolution))
            if row is None:
                return []
            begin = 0 if count is None else max(0, len(row.times) - count)
            return [row.bars[time] for time in row.times[begin:]]

    def get_latest_bar(self, symbol: str, resolution: str) -> Bar | None:
        """The newest bar, None where there is none."""
        newest = self.get_bars(symbol, resolution, 1)
        return newest[0] if newest else None

    def get_cached_symbols(self) -> list[str]:
        """The symbols there are bars of, in alphabetical order."""
        with self._changed:
            return sorted({symbol for symbol, _ in self._rows})

    def whole_bars(self, symbol: str, resolution: str) -> tuple[list[Bar], bool]:
        """The newest bars between which none is missing, oldest first; and whether the connection has brought any yet.

        Until it has, bars may have closed that are not here.
        """
        with self._changed:
            row = self._rows.get((symbol, resolution))
            if row is None or row.whole_from is None:
                return [], False
            return [row.bars[time] for time in row.times if time >= row.whole_from], not row.reconnected

    def wait_for_bar(
        self, symbol: str, resolution: str, after: int = -1, timeout_seconds: float | None = None
    ) -> Bar | None:
        """The newest bar that closed after this time (ms), as soon as there is one; None when the time is over."""

        def newer() -> Bar | None:
            row = self._rows.get((symbol, resolution))
            return row.bars[row.times[-1]] if row is not None and row.times[-1] > after else None

        with self._changed:
            return self._changed.wait_for(newer, timeout_seconds)
