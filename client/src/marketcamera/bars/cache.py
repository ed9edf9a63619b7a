"""The cache: the newest bars of each (symbol, resolution) that a feed brought, for any number of threads."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from marketcamera.bars.bar import RESOLUTIONS, Bar, bar_of
from marketcamera.bars.cached_symbol import CachedSymbol
from marketcamera.bars.replay_time import ReplayTime

#: Bars kept of each pair, and asked for whenever a feed connects: so what a reconnect brings fills any hole there is.
CAPACITY = 1000

#: How soon a feed that was ended notices it while it waits for a program.
_LOOK_SECONDS = 0.2


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
        #: Bars of a history that is not all there yet; None while there is none.
        self._arrived: list[Bar] | None = None
        #: The recording of each symbol, as far as the feed was told.
        self._stores: dict[str, str] = {}
        #: The newest close time of each pair in the recording before.
        self._former: dict[tuple[str, str], int] = {}

    def put(self, bar: Bar) -> None:
        """Keep a bar that the feed brought; whoever waits for it goes on. One of a history, once all of it is there."""
        with self._changed:
            if self._arrived is None:
                self._keep(bar)
            else:
                self._arrived.append(bar)

    def history_ends(self) -> None:
        """All past bars of the connection are there: from one moment to the next, so that none passes for the newest
        while newer ones are on their way."""
        with self._changed:
            arrived, self._arrived = self._arrived or [], None
            for bar in arrived:
                self._keep(bar)

    def _keep(self, bar: Bar) -> None:
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
        self._keep(bar_of(symbol, resolution, bar))

    def interrupted(self) -> None:
        """Bars may have closed unheard, as between two connections, and those that come now may come again."""
        with self._changed:
            for bar in self._arrived or ():  # what comes now may not follow these
                self._keep(bar)
            self._arrived = None if self._arrived is None else []
            for row in self._rows.values():
                row.reconnected = True

    def connected(self, stores: Mapping[str, str], *, history_end: bool = False) -> list[str]:
        """A new connection, on which the past bars come first, and with `history_end` the end of them is told.

        `stores` are the recordings that its bars are of: those of another one are forgotten. The symbols that had some.
        """
        with self._changed:
            self._arrived = None
            self.interrupted()
            self._arrived = [] if history_end else None
            return [symbol for symbol, store in stores.items() if self._is_begun_anew(symbol, store)]

    def _is_begun_anew(self, symbol: str, store: str) -> bool:
        pairs = self._pairs(symbol, None) if self._stores.get(symbol, store) != store else []
        for pair in pairs:
            self._former[pair] = self._rows.pop(pair).times[-1]
        self._stores[symbol] = store
        return bool(pairs)

    def store_of(self, symbol: str) -> str | None:
        """The recording that the bars of a symbol are of, None where the feed was not told."""
        with self._changed:
            return self._stores.get(symbol)

    def clear(self, symbol: str | None = None, resolution: str | None = None) -> None:
        """Forget every bar, or those of a symbol, of a resolution, or of both."""
        with self._changed:
            for pair in self._pairs(symbol, resolution):
                del self._rows[pair]
            if self._arrived is not None:
                kept = lambda bar: symbol not in (None, bar.symbol) or resolution not in (None, bar.resolution)  # noqa: E731
                self._arrived = list(filter(kept, self._arrived))

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

        Where the market was begun anew at an earlier time, a time of the recording before is before all of the new one.

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
        if row is None:
            return None
        newest = row.times[-1]
        return row.bars[newest] if newest > after or newest < after <= self._former.get(pair, -1) else None

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
