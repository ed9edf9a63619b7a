"""A strategy written for live prices, and the program that trades by it with paper money: `python -m …crossing`.

It knows nothing of replays and backtests.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from backtests.engine.portfolio import Order, Portfolio, Trade, order
from wealthdata import get_price, get_websocket_cache, get_websocket_manager

SYMBOL, RESOLUTION = "IG-USD", "5m"


class Crossing:
    """Is in the market while the last prices are above those before; for a size that each price it sees goes into."""

    def initialize(self, context: Any) -> None: ...

    def handle_bar(self, context: Any, bar: Any) -> None:
        prices = get_price(SYMBOL, 12, frequency=RESOLUTION)
        hours = get_price(SYMBOL, 3, frequency="1h")["close"]
        close, seen = prices["close"], [*hours, bar.close, prices.attrs["staleness"]]
        if close.tail(2).mean() > close.mean() and not context.position:
            context.order_buy(SYMBOL, round(0.5 + sum(seen) % 1000 / 1000, 6))
        elif close.tail(2).mean() < close.mean() and context.position:
            context.order_sell(SYMBOL)


class Paper:
    """What a broker would do, with the fills of a backtest: orders at a bar are filled at the next one's open."""

    def __init__(self) -> None:
        self._portfolio, self._ordered = Portfolio(100_000.0, 0.0005), list[Order]()

    @property
    def position(self) -> float:
        return self._portfolio.position

    def order_buy(self, symbol: str, size: float | None = None) -> None:
        self._ordered.append(order("buy", size))

    def order_sell(self, symbol: str, size: float | None = None) -> None:
        self._ordered.append(order("sell", size))

    def fill(self, bar: Any) -> None:
        """Fill what was ordered, and print each trade."""
        ordered, self._ordered = self._ordered, []
        for one in ordered:
            done = self._portfolio.fill(one, bar.open, bar.open_time)
            assert isinstance(done, Trade), done
            print(json.dumps(asdict(done)), flush=True)


def main() -> None:
    strategy, paper, closed = Crossing(), Paper(), -1
    get_websocket_manager().start()
    while (bar := get_websocket_cache().wait_for_bar(SYMBOL, RESOLUTION, after=closed)) is not None:
        closed = bar.close_time
        paper.fill(bar)
        strategy.handle_bar(paper, bar)
        print(closed, flush=True)


if __name__ == "__main__":
    main()
