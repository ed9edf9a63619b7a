"""The cache: the newest bars of each (symbol, resolution) that a feed brought, for any number of threads."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Iterator, Mapping
from typing import Any, SupportsIndex

from marketcamera.bars.bar import RESOLUTIONS, Bar, bar_of

#: Bars kept of each pair, and asked for whenever a feed connects: so what a reconnect brings fills any hole there is.
CAPACITY = 1000


class CachedSymbol(str):
    """The symbol of a pair that is cached: text, and also the pair (symbol, resolution) to whoever unpacks it.

    It is equal to both; as a member of a set or a key of a dict it is the symbol. Slices of it are text.
    """

    __slots__ = ("resolution",)
    resolution: str

    def __new__(cls, symbol: str, resolution: str) -> CachedSymbol:
        made = super().__new__(cls, symbol)
        made.resolution = resolution
        return made

    def __reduce__(self) -> tuple[type[CachedSymbol], tuple[str, str]]:
        return CachedSymbol, self.pair

    @property
    def pair(self) -> tuple[str, str]:
        """Both, as a plain tuple."""
        return str(self), self.resolution

    def __iter__(self) -> Iterator[str]:
        return iter(self.pair)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        return str(self)[key] if isinstance(key, slice) else self.pair[key]

    def __eq__(self, other: object) -> bool:
        return self.pair == other if isinstance(other, tuple) else str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


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

    def add_bar(self, symbol: str, resolution: str, bar: Mapping[str, Any]) -> None:
        """Keep a bar of a program's own, as if the feed had brought it; its numbers may be text. Raises BadMessage."""
        self.put(bar_of(symbol, resolution, bar))

    def interrupted(self) -> None:
        """Bars may have closed unheard, as between two connections, and those that come now may come again."""
        with self._changed:
            for row in self._rows.values():
                row.reconnected = True

    def clear(self, symbol: str | None = None, resolution: str | None = None) -> None:
        """Forget every bar, or those of a symbol, of a resolution, or of both."""
        with self._changed:
            for pair in self._pairs(symbol, resolution):
                del self._rows[pair]

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

    def get_last_update_time(self, symbol: str, resolution: str) -> int | None:
        """The close time of the newest bar in ms, None where there is none."""
        newest = self.get_latest_bar(symbol, resolution)
        return None if newest is None else newest.close_time

    def get_cache_size(self, symbol: str | None = None, resolution: str | None = None) -> int:
        """How many bars there are: all, or those of a symbol, of a resolution, or of both."""
        with self._changed:
            return sum(len(self._rows[pair].times) for pair in self._pairs(symbol, resolution))

    def get_cached_symbols(self) -> list[CachedSymbol]:
        """The symbol of each pair there are bars of, by name and then by length; `set(...)` has each symbol once.

        `for symbol in ...` and `for symbol, resolution in ...` both work.
        """
        with self._changed:
            pairs = sorted(self._rows, key=lambda pair: (pair[0], RESOLUTIONS.get(pair[1], 0), pair[1]))
        return [CachedSymbol(*pair) for pair in pairs]

    def _pairs(self, symbol: str | None, resolution: str | None) -> list[tuple[str, str]]:
        return [pair for pair in self._rows if symbol in (None, pair[0]) and resolution in (None, pair[1])]

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
