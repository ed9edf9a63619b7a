"""The cache: the newest bars of each (symbol, resolution) that a feed brought, for any number of threads."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, SupportsIndex

from marketcamera.bars.bar import RESOLUTIONS, Bar, bar_of
from marketcamera.bars.replay_time import ReplayTime

#: Bars kept of each pair, and asked for whenever a feed connects: so what a reconnect brings fills any hole there is.
CAPACITY = 1000

#: How soon a feed that was ended notices it while it waits for a program.
_LOOK_SECONDS = 0.2


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


@dataclass(slots=True)
class _Waiter:
    """A program that waits for the next bar of a pair in a replay."""

    pair: tuple[str, str]
    after: int
    thread: int
    bar: Bar | None = None


class BarCache:
    """1,000 bars of each pair, one for each close time: the last that was put wins."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}
        self._changed = threading.Condition()
        self._replay: ReplayTime | None = None
        self._waiters: list[_Waiter] = []

    def put(self, bar: Bar) -> None:
        """Keep a bar; whoever waits for it goes on."""
        with self._changed:
            self._rows.setdefault((bar.symbol, bar.resolution), _Row()).put(bar)
            if self._replay is None or self._replay.moves_to(bar):
                self._give(bar)
            self._changed.notify_all()

    def _give(self, bar: Bar) -> None:
        """To whoever began to wait in a replay, before another bar can come."""
        for waiter in self._waiters:
            if waiter.bar is None and waiter.pair == (bar.symbol, bar.resolution) and bar.close_time > waiter.after:
                waiter.bar = bar
                if self._replay is not None:
                    self._replay.gives(waiter.pair, waiter.thread)

    def replays(self, replay: ReplayTime | None) -> None:
        """From now on bars are of this replay, or live."""
        with self._changed:
            self._replay = replay
            self._changed.notify_all()

    def replay_ends(self) -> None:
        """No further bar of the replay comes."""
        with self._changed:
            if self._replay is not None:
                self._replay.over = True
            self._changed.notify_all()

    @property
    def present_ms(self) -> int | None:
        """The market time at which the replay is; None when it is live."""
        with self._changed:
            return None if self._replay is None else self._replay.now_ms

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While this lasts, a program reads bars of the server: a replay waits for it, however long that takes."""
        with self._changed:
            replay = self._replay
            if replay is not None:
                replay.reads(1)
        try:
            yield
        finally:
            with self._changed:
                if replay is not None:
                    replay.reads(-1)

    def wait_for_program(self, ended: Callable[[], bool]) -> bool:
        """In a replay, wait while a program is at work on the bar it was given; False if it takes too long."""
        with self._changed:
            while (replay := self._replay) is not None and (seconds := replay.work_seconds()) != 0 and not ended():
                if seconds < 0:
                    replay.give_up_work()
                    return False
                self._changed.wait(min(seconds, _LOOK_SECONDS))
            return True

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
        """The newest bar that closed after this time (ms), as soon as there is one; None when the time is over.

        In a replay, only a bar of the replay, and the next one waits until the program that was given this one asks
        again, for up to 30 s. Where the replay is over and no time is given, None at once.
        """
        pair = symbol, resolution
        with self._changed:
            if self._replay is not None:
                return self._wait_in_replay(self._replay, pair, after, timeout_seconds)
            return self._changed.wait_for(lambda: self._newer(pair, after), timeout_seconds)

    def _newer(self, pair: tuple[str, str], after: int) -> Bar | None:
        row = self._rows.get(pair)
        return row.bars[row.times[-1]] if row is not None and row.times[-1] > after else None

    def _wait_in_replay(
        self, replay: ReplayTime, pair: tuple[str, str], after: int, timeout_seconds: float | None
    ) -> Bar | None:
        replay.is_asked(pair)
        self._changed.notify_all()
        after = max(after, replay.from_ms)
        bar = self._newer(pair, after)
        if bar is not None:
            replay.gives(pair, threading.get_ident())
            return bar
        waiter = _Waiter(pair, after, threading.get_ident())
        self._waiters.append(waiter)
        try:
            self._changed.wait_for(lambda: waiter.bar or (replay.over and timeout_seconds is None), timeout_seconds)
        finally:
            self._waiters.remove(waiter)
        return waiter.bar
