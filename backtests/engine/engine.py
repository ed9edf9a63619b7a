"""The engine: plays bars through a strategy; pure, so that equal bars and parameters give equal results."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from backtests.bar import Bar, iso, seen
from backtests.engine.context import Context
from backtests.engine.past import Past
from backtests.engine.performance import Performance
from backtests.engine.portfolio import Order, Portfolio, Refusal, Trade
from backtests.errors import StrategyFailed, TooLarge
from backtests.strategy import Strategy, Value
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS

DEFAULT_FEE = 0.0005
DEFAULT_CASH = 100_000.0

#: The newest so many are listed in a result; all of them are counted.
MOST_TRADES = 2000
MOST_REFUSALS = 100


@dataclass(frozen=True)
class Terms:
    """What is played; `params` as `check_parameters` gave them. It begins at `begin_ms`, or with the first bar."""

    strategy: str
    symbol: str
    resolution: str
    cash: float = DEFAULT_CASH
    fee: float = DEFAULT_FEE
    params: Mapping[str, Value] = field(default_factory=dict)
    begin_ms: int | None = None


def _ignore(_: Bar) -> None:
    pass


def play(
    make: Callable[[], Strategy],
    terms: Terms,
    bars: Iterable[Ohlcv],
    on_bar: Callable[[Bar], None] = _ignore,
    before_bar: Callable[[Bar], None] = _ignore,
) -> dict[str, Any]:
    """The result of a strategy over these bars, ready for JSON.

    `before_bar` is called with each before the strategy is, `on_bar` after it. Raises StrategyFailed, TooLarge, and
    whatever these two or `bars` raise.
    """
    return _Play(make, terms).run(bars, before_bar, on_bar)


class _Play:
    """One play, from the first bar to the last."""

    def __init__(self, make: Callable[[], Strategy], terms: Terms) -> None:
        self._terms = terms
        self._past = Past(terms.resolution, terms.begin_ms)
        self._portfolio = Portfolio(terms.cash, terms.fee)
        self._performance = Performance(terms.cash, PERIOD_MS[terms.resolution])
        self._context = Context(terms.symbol, terms.resolution, terms.params, self._past, self._portfolio)
        self._trades: deque[Trade] = deque(maxlen=MOST_TRADES)
        self._refusals: deque[Refusal] = deque(maxlen=MOST_REFUSALS)
        self._trade_count = self._refusal_count = self._bars = 0
        self._strategy = self._begin(make)

    def run(
        self, bars: Iterable[Ohlcv], before_bar: Callable[[Bar], None], on_bar: Callable[[Bar], None]
    ) -> dict[str, Any]:
        bar = None
        for ohlcv in bars:
            bar = seen(ohlcv)
            self._fill(bar)
            self._past.add(ohlcv)
            before_bar(bar)
            self._close(bar)
            on_bar(bar)
        if bar is not None:
            self._refuse_what_is_left(bar)
        return self._result()

    def _begin(self, make: Callable[[], Strategy]) -> Strategy:
        try:
            strategy = make()
            strategy.initialize(self._context)
        except (Exception, SystemExit) as error:
            raise StrategyFailed(self._terms.strategy, "before the first bar", error) from error
        return strategy

    def _close(self, bar: Bar) -> None:
        """The bar has closed: value the holding, and let the strategy decide."""
        if not self._bars:
            self._performance.begin(bar.open_time)
        self._bars += 1
        value = self._portfolio.value(bar.close)
        if not math.isfinite(value):
            raise TooLarge(bar.close, self._portfolio.position)
        self._performance.add(bar.close_time, value, self._portfolio.position > 0)
        try:
            self._strategy.handle_bar(self._context, bar)
        except (Exception, SystemExit) as error:
            raise StrategyFailed(self._terms.strategy, f"at the bar of {iso(bar.open_time)}", error) from error

    def _fill(self, bar: Bar) -> None:
        """Fill the orders of the previous bar at this one's open, in the order in which they were placed."""
        for ordered in self._taken_orders():
            done = self._portfolio.fill(ordered, bar.open, bar.open_time)
            if isinstance(done, Trade):
                self._trade_count += 1
                self._trades.append(done)
            else:
                self._refuse(done)

    def _taken_orders(self) -> list[Order]:
        context = self._context
        ordered, context._ordered = context._ordered, []
        return ordered

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal_count += 1
        self._refusals.append(refusal)

    def _refuse_what_is_left(self, last: Bar) -> None:
        for ordered in self._taken_orders():
            self._refuse(Refusal(last.close_time, ordered.side, ordered.size, "no bar follows"))

    def _result(self) -> dict[str, Any]:
        figures = self._performance
        return {
            "return": round(figures.total_return, 6),
            "max_drawdown": round(figures.max_drawdown, 6),
            "sharpe": round(figures.sharpe, 6),
            "exposure": round(figures.exposure, 6),
            "trades": [_rounded(asdict(trade)) for trade in self._trades],
            "equity": [[ms, round(value, 6)] for ms, value in figures.equity.points()],
            "trades_count": self._trade_count,
            "refused": [_rounded(asdict(refusal)) for refusal in self._refusals],
            "refused_count": self._refusal_count,
            "fees": round(self._portfolio.fees_paid, 6),
            "bars": self._bars,
        }


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in fields.items()}
