"""Backtests: inside one, `get_price` sees what had closed at the bar at hand, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Protocol

from marketcamera.bars.bar import Bar
from marketcamera.moments import milliseconds


class BarSource(Protocol):
    """Where a backtest has its bars from."""

    def before(self, symbol: str, resolution: str, end_ms: int, count: int) -> Sequence[Bar]:
        """The last `count` bars of a resolution that had closed at `end_ms`, oldest first."""
        ...


class Backtest:
    """`with Backtest() as test:`, then `test.at(bar.close_time)` before each bar is handed to the strategy.

    `bars` gives the bars; without it they are asked of the server. Before the first `at` there is nothing to see.
    It holds for the thread, or asyncio task, that entered it.
    """

    def __init__(self, bars: BarSource | None = None) -> None:
        self.bars = bars
        self.now_ms = 0
        self._token: Token[Backtest | None] | None = None

    def at(self, moment: Any) -> None:
        """It is now this moment: the close time of the bar at hand, in any form `end_date` may have."""
        self.now_ms = milliseconds(moment)

    def __enter__(self) -> Backtest:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
            self._token = None


_current: ContextVar[Backtest | None] = ContextVar("marketcamera backtest", default=None)


def current_backtest() -> Backtest | None:
    """The backtest this code runs in; None when it is live."""
    return _current.get()
