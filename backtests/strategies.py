"""The strategies that come with Market Camera, and examples for others."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from backtests.bar import Bar
from backtests.engine.context import Context
from backtests.strategy import Parameter, Value


class BuyAndHold:
    """Buys for all the cash at the first bar and holds: the baseline for other strategies."""

    name = "buy_and_hold"

    def initialize(self, context: Context) -> None:
        context.order_buy(context.symbol)

    def handle_bar(self, context: Context, bar: Bar) -> None:
        pass


class MaCross:
    """Holds the market while the mean of the last `fast` closes is above that of the last `slow`."""

    name = "ma_cross"
    parameters = {"fast": Parameter(10, 1, 5000), "slow": Parameter(30, 2, 5000)}

    @staticmethod
    def check(params: Mapping[str, Value]) -> None:
        if params["fast"] >= params["slow"]:  # type: ignore[operator]
            raise ValueError(f"fast must be below slow, got fast={params['fast']} and slow={params['slow']}")

    def initialize(self, context: Context) -> None:
        self._fast, self._slow = int(context.params["fast"]), int(context.params["slow"])

    def handle_bar(self, context: Context, bar: Bar) -> None:
        closes = [past.close for past in context.history(context.symbol, self._slow, context.resolution)]
        if len(closes) < self._slow:
            return
        above = fmean(closes[-self._fast :]) > fmean(closes)
        if above and not context.position:
            context.order_buy(context.symbol)
        elif not above and context.position:
            context.order_sell(context.symbol)
