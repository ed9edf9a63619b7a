"""The row: what happened to the bars of some markets, in the order in which it happened; read in pages.

A bar happened when it closed: at the second of the tick that closed it. Where one tick closed several, those that end
first come first, of these the finest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import NamedTuple

from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS
from bars.models import Gap
from bars.reading import closed_bars
from recorder.models import market_key
from runtime.db_threads import reading
from runtime.pools import Pool

#: Bars and losses that a row holds, of all its tapes together, some 300 KB; and of one. A query costs about as much as
#: a hundred rows.
_HELD = 512
_PAGE = 256


class Lost(NamedTuple):
    """Ticks that no bar has: first and last t."""

    from_t: int
    to_t: int


class Happening(NamedTuple):
    """A bar that closed, or a loss that was noticed, at a moment of market time."""

    at_ms: int
    #: What orders those of one moment.
    rank: tuple[int, int]
    symbol: str
    what: Ohlcv | Lost


class _Tape:
    """What happened to one thing of a market, from a moment on, by time. `read` gives a page of it, by a database's
    thread; `take` removes what comes next."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.page: deque[Happening] = deque()
        #: The row's news of which it was read last; -1 if it has to be read in any case.
        self.read_at = -1

    def read(self, count: int) -> list[Happening]:
        raise NotImplementedError

    def take(self) -> Happening:
        happening = self.page.popleft()
        if not self.page:
            self.read_at = -1
        return happening


class BarTape(_Tape):
    """The bars of one resolution that end after `after_ms`, and by `to_ms`."""

    def __init__(self, symbol: str, resolution: str, after_ms: int, to_ms: int | None) -> None:
        super().__init__(symbol)
        self.resolution = resolution
        #: Bars that begin up to here were taken, or ended before.
        self.taken_ms = after_ms - PERIOD_MS[resolution]
        self._to_ms = to_ms

    def read(self, count: int) -> list[Happening]:
        """Raises django.db.Error."""
        from_ms, to_ms = self.taken_ms + 1, self._to_ms
        bars = closed_bars(self.symbol, self.resolution, from_ms=from_ms, to_ms=to_ms, first_rows=count)
        return [self._happening(bar) for bar in islice(bars, count)]

    def take(self) -> Happening:
        happening = super().take()
        assert isinstance(happening.what, Ohlcv)
        self.taken_ms = happening.what.open_ms
        return happening

    def _happening(self, bar: Ohlcv) -> Happening:
        at_ms = bar.next_ms if self._to_ms is None else min(bar.next_ms, self._to_ms)
        return Happening(at_ms, (bar.close_ms, PERIOD_MS[self.resolution]), self.symbol, bar)


class LossTape(_Tape):
    """The losses of ticks that were noticed after `after_ms`, and by `to_ms`. Each precedes the bars of its moment."""

    def __init__(self, symbol: str, after_ms: int, to_ms: int | None) -> None:
        super().__init__(symbol)
        self._after_ms, self._to_ms, self._after_t = after_ms, to_ms, -1

    def read(self, count: int) -> list[Happening]:
        """Raises django.db.Error."""
        found = Gap.objects.filter(
            market_id=market_key(self.symbol), at_ms__gt=self._after_ms, from_t__gt=self._after_t
        )
        if self._to_ms is not None:
            found = found.filter(at_ms__lte=self._to_ms)
        spans = found.order_by("at_ms", "from_t").values_list("at_ms", "from_t", "to_t")[:count]
        return [Happening(at_ms, (0, 0), self.symbol, Lost(from_t, to_t)) for at_ms, from_t, to_t in spans]

    def take(self) -> Happening:
        happening = super().take()
        assert isinstance(happening.what, Lost)
        self._after_t = happening.what.from_t
        return happening


class Row:
    """All tapes as one. Holds a page of each, and no connection between pages. For the loop's thread."""

    def __init__(self, pairs: Iterable[tuple[str, str]], after_ms: int, to_ms: int | None, pool: Pool) -> None:
        """Of (symbol, resolution), what happened after a moment; to another, or to the end of the database."""
        self.bars = [BarTape(symbol, resolution, after_ms, to_ms) for symbol, resolution in pairs]
        symbols = dict.fromkeys(tape.symbol for tape in self.bars)
        self._tapes: list[_Tape] = [*(LossTape(symbol, after_ms, to_ms) for symbol in symbols), *self.bars]
        self._page = max(1, min(_PAGE, _HELD // len(self._tapes)))
        self._pool = pool
        self._news = 0

    async def next(self) -> Happening | None:
        """What comes next, which stays; None where the database has no more by now. Raises django.db.Error.

        What is closed later than a page was read may have happened before the end of another page: a tape that had no
        more is read again once another one had more.
        """
        while (tape := self._stale()) is not None:
            # Not `ask_on`: to open a connection for each page would cost as much as the page.
            page = await self._pool.go_on(reading, partial(tape.read, self._page))
            tape.page.extend(page)
            self._news += bool(page)
            tape.read_at = self._news
        return first.page[0] if (first := self._first()) is not None else None

    def take(self) -> None:
        """Remove what `next` returned."""
        first = self._first()
        assert first is not None
        first.take()

    def forget(self, symbol: str) -> None:
        """The bars of a market are others now: what was read of them does not count."""
        for tape in self._tapes:
            if tape.symbol == symbol:
                tape.page.clear()
                tape.read_at = -1

    def _stale(self) -> _Tape | None:
        return next((tape for tape in self._tapes if not tape.page and tape.read_at < self._news), None)

    def _first(self) -> _Tape | None:
        full = (tape for tape in self._tapes if tape.page)
        return min(full, key=lambda tape: tape.page[0][:3], default=None)
