"""Market makers: quote both sides around their opinion of the price, and hand on what they have too much of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from market.orderbook.book import OrderBook, Trade
from market.orderbook.parameters import Parameters
from market.tick import BUY, SELL, Floats

#: Makers are not alike: the first asks this part of the usual spread, the last as much more.
_NARROWEST = 0.75

#: Spreads follow the volatility up to this multiple of the usual one.
_MOST_EXCITED = 10.0

#: Beyond this multiple of its limit a maker shifts its quotes no further.
_MOST_SKEWED = 2.0


class Makers:
    """The agents 0 to `makers` - 1. Opinions and quotes are prices in steps, stock is in lots.

    Orders of the other agents move the makers' opinions, as these may know something (A. S. Kyle, "Continuous Auctions
    and Insider Trading", Econometrica 53, 1985). Stock beyond the limit goes mostly to other makers (R. K. Lyons, "A
    Simultaneous Trade Model of the Foreign Exchange Hot Potato", Journal of International Economics 42, 1997).
    """

    def __init__(self, parameters: Parameters, mid: float) -> None:
        self._parameters, count = parameters, parameters.makers
        wide = np.linspace(_NARROWEST, 2.0 - _NARROWEST, count) if count > 1 else np.ones(count)
        self._half_spreads: Floats = 0.5 * parameters.spread * wide
        self._bounds = tuple(price / parameters.grid for price in parameters.price_range)
        self._opinions = np.full(count, mid)
        self._quoted = np.zeros(count)
        self._stock = [0] * count

    def see(self, mid: float, news: float, flow: int, normals: Floats) -> None:
        """Form new opinions: of news in steps, of the lots bought less those sold, and each its own."""
        opinions, parameters = self._opinions, self._parameters
        if not len(opinions):
            return
        common = float(np.add.reduce(opinions)) / len(opinions)
        opinions += parameters.agreement * (common - opinions) + (parameters.disagreement * mid) * normals
        opinions += news + parameters.impact * mid * flow
        np.clip(opinions, *self._bounds, out=opinions)

    def must_requote(self, mid: float) -> npt.NDArray[np.bool_]:
        """Which makers' quotes are further from their opinions than half their spread."""
        return np.abs(self._opinions - self._quoted) > self._half_spreads * mid

    def act(self, book: OrderBook, maker: int, mid: float, excitement: float) -> list[Trade]:
        """Take back both quotes, hand on stock beyond the limit, and quote anew."""
        book.withdraw(maker)
        trades = self._hand_on(book, maker)
        opinion, parameters = float(self._opinions[maker]), self._parameters
        wider = 1.0 + parameters.widening * min(max(excitement - 1.0, 0.0), _MOST_EXCITED)
        half = float(self._half_spreads[maker]) * mid * wider
        load = min(max(self._stock[maker] / parameters.maker_limit, -_MOST_SKEWED), _MOST_SKEWED)
        centre = opinion - parameters.skew * half * load
        bid = max(1, math.floor(centre - half))
        ask = max(bid + 1, math.ceil(centre + half))
        self._quoted[maker] = opinion
        for side, price in ((BUY, bid), (SELL, ask)):
            trades += self._settled(book.place(maker, side, price, parameters.maker_size))
        return trades

    def _hand_on(self, book: OrderBook, maker: int) -> list[Trade]:
        stock = self._stock[maker]
        if abs(stock) <= self._parameters.maker_limit:
            return []
        return self._settled(book.take(maker, SELL if stock > 0 else BUY, abs(stock) // 2))

    def _settled(self, trades: list[Trade]) -> list[Trade]:
        self.settle(trades)
        return trades

    def settle(self, trades: list[Trade]) -> None:
        """Book what makers bought and sold in trades of others with them."""
        stock = self._stock
        for trade in trades:
            if trade.buyer < len(stock):
                stock[trade.buyer] += trade.size
            if trade.seller < len(stock):
                stock[trade.seller] -= trade.size

    def state(self) -> dict[str, Any]:
        return {"opinions": self._opinions.tolist(), "quoted": self._quoted.tolist(), "stock": [*self._stock]}

    def restore(self, state: dict[str, Any]) -> None:
        self._opinions = np.array(state["opinions"], np.float64)
        self._quoted = np.array(state["quoted"], np.float64)
        self._stock = [int(lots) for lots in state["stock"]]
