"""Prices of the Python client inside a backtest: `get_price` gives recorded bars that had closed by the bar at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backtests.bar import Bar
from bars.reading import last_bars
from runtime.db_threads import Ask, directly

if TYPE_CHECKING:
    import marketcamera


@contextmanager
def recorded_prices(begin_ms: int, ask: Ask = directly) -> Iterator[Callable[[Bar], None]]:
    """While this lasts, strategies on this thread that ask the client see what is recorded, and nothing later than now.

    The database is asked through `ask`. Gives a function that moves now on to the end of a bar; until it is called, now
    is `begin_ms`. Where the client is not installed no strategy can ask it, and nothing is done.
    """
    try:
        from marketcamera import Backtest
    except ModuleNotFoundError:
        yield lambda bar: None
        return
    with Backtest(_RecordedBars(ask)) as test:
        test.at(begin_ms)
        yield lambda bar: test.at(bar.close_time)


class _RecordedBars:
    """The bars in the database, of every market, as the client has them."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def before(self, symbol: str, resolution: str, end_ms: int, count: int) -> list[marketcamera.Bar]:
        """The last `count` bars that had closed at `end_ms`, by time. Raises django.db.Error."""
        from marketcamera import Bar

        bars = self._ask(lambda: last_bars(symbol, resolution, count, to_ms=end_ms))
        return [
            Bar(symbol, resolution, one.open_ms, one.close_ms, one.open, one.high, one.low, one.close, one.volume)
            for one in bars
        ]
