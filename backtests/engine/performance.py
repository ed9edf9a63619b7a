"""Figures of a backtest, kept while it runs: return, drawdown, Sharpe ratio, exposure, and a thinned equity curve."""

from __future__ import annotations

import math

#: Points of an equity curve at most, the last one aside.
MOST_POINTS = 1000

_YEAR_MS = 365 * 86_400_000


class Equity:
    """A curve thinned to every 2^k-th of its points, so that memory does not grow with the bars; the last is exact."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, float]] = []
        self._every = 1
        self._count = 0
        self._last: tuple[int, float] | None = None

    def add(self, ms: int, value: float) -> None:
        self._last = (ms, value)
        if self._count % self._every == 0:
            if len(self._kept) == MOST_POINTS:
                del self._kept[1::2]
                self._every *= 2
            if self._count % self._every == 0:
                self._kept.append(self._last)
        self._count += 1

    def points(self) -> list[tuple[int, float]]:
        """(ms, value), ascending, from the first point to the last."""
        if self._last is None or self._kept[-1] == self._last:
            return self._kept
        return [*self._kept, self._last]


class Performance:
    """Takes the value of a portfolio at each bar's close."""

    def __init__(self, cash: float, bar_ms: int) -> None:
        self._cash = self._last = self._peak = cash
        self._bars_a_year = _YEAR_MS / bar_ms
        self._bars = self._invested = 0
        self._mean = self._squares = 0.0  # of the returns, by Welford's method
        self.max_drawdown = 0.0
        self.equity = Equity()

    def begin(self, ms: int) -> None:
        """The first bar opens."""
        self.equity.add(ms, self._cash)

    def add(self, ms: int, value: float, invested: bool) -> None:
        """A bar has closed with this value; `invested`: something was held."""
        self._bars += 1
        self._invested += invested
        self._take_return(value / self._last - 1 if self._last > 0 else 0.0)
        self._last = value
        self._peak = max(self._peak, value)
        self.max_drawdown = max(self.max_drawdown, 1 - value / self._peak)
        self.equity.add(ms, value)

    def _take_return(self, change: float) -> None:
        off = change - self._mean
        self._mean += off / self._bars
        self._squares += off * (change - self._mean)

    @property
    def total_return(self) -> float:
        """What was won, as a part of the cash it began with."""
        return self._last / self._cash - 1

    @property
    def sharpe(self) -> float:
        """Mean over population standard deviation of the returns from bar to bar, times the root of the bars in 365
        days; no interest is taken off. 0 where the value never changed its pace."""
        deviation = math.sqrt(self._squares / self._bars) if self._bars else 0.0
        # Returns that are equal but for rounding have a deviation of rounding errors.
        if deviation <= 1e-14:
            return 0.0
        return self._mean / deviation * math.sqrt(self._bars_a_year)

    @property
    def exposure(self) -> float:
        """The part of the bars at whose close something was held."""
        return self._invested / self._bars if self._bars else 0.0
