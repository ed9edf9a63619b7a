"""The context: all that a strategy sees and does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from backtests.bar import Bar
from backtests.engine.past import Past
from backtests.engine.portfolio import Order, Portfolio, Side, order
from backtests.errors import BadHistory, BadOrder
from runtime.shown import shown


class Context:
    """All that a strategy sees and does; it may also keep attributes of its own here."""

    def __init__(
        self, symbol: str, resolution: str, params: Mapping[str, Any], past: Past, portfolio: Portfolio
    ) -> None:
        self.symbol, self.resolution = symbol, resolution
        self.params = MappingProxyType(dict(params))
        self._past, self._portfolio = past, portfolio
        self._ordered: list[Order] = []

    @property
    def cash(self) -> float:
        return self._portfolio.cash

    @property
    def position(self) -> float:
        """How much of the symbol is held."""
        return self._portfolio.position

    def history(self, symbol: str, count: int, frequency: str) -> list[Bar]:
        """The last closed bars, the one at hand included, oldest first; fewer while there are no more.

        `frequency`: the backtest's resolution or a coarser one. Raises BadHistory.
        """
        if symbol != self.symbol:
            raise BadHistory(f"there is only {self.symbol!r} in this backtest, got {shown(symbol)}")
        return self._past.last(count, frequency)

    def order_buy(self, symbol: str, size: float | None = None) -> None:
        """Buy at the next bar's open; without a size, for all the cash there is. Raises BadOrder."""
        self._order("buy", symbol, size)

    def order_sell(self, symbol: str, size: float | None = None) -> None:
        """Sell at the next bar's open; without a size, all that is held. Raises BadOrder."""
        self._order("sell", symbol, size)

    def _order(self, side: Side, symbol: str, size: float | None) -> None:
        if symbol != self.symbol:
            raise BadOrder(f"only {self.symbol!r} is traded in this backtest, got {shown(symbol)}")
        self._ordered.append(order(side, size))
