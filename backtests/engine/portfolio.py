"""The portfolio: cash, the holding, and orders that are filled whole or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Literal

from backtests.errors import BadOrder
from runtime.shown import shown

Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True)
class Order:
    """`size` None: as much as cash, or the holding, allows when the order is filled."""

    side: Side
    size: float | None


@dataclass(frozen=True, slots=True)
class Trade:
    """A filled order; `cash` and `position` are those after it."""

    time: int
    side: Side
    price: float
    size: float
    fee: float
    cash: float
    position: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that was not filled, and why."""

    time: int
    side: Side
    size: float | None
    reason: str


def order(side: Side, size: object) -> Order:
    """An order of a finite size above 0, or of all there is. Raises BadOrder."""
    if size is None:
        return Order(side, None)
    if isinstance(size, bool) or not isinstance(size, Real):
        raise BadOrder(f"the size of an order must be a number, got {shown(size)}")
    number = float(size)
    if not (math.isfinite(number) and number > 0):
        raise BadOrder(f"the size of an order must be a finite number above 0, got {shown(size)}")
    return Order(side, number)


class Portfolio:
    """Cash and one symbol; nothing is lent, neither cash nor the symbol. `fee`: what a trade costs, as a part of its
    value."""

    def __init__(self, cash: float, fee: float) -> None:
        self.cash, self.position, self.fee = cash, 0.0, fee
        self.fees_paid = 0.0

    def value(self, price: float) -> float:
        """Everything, at this price."""
        return self.cash + self.position * price

    def fill(self, order: Order, price: float, time: int) -> Trade | Refusal:
        """Trade at this price, if cash and holding suffice."""
        if not 0 < price < math.inf:
            return Refusal(time, order.side, order.size, f"the price is {price:g}")
        return self._buy(order, price, time) if order.side == "buy" else self._sell(order, price, time)

    def _buy(self, order: Order, price: float, time: int) -> Trade | Refusal:
        size = self.cash / (price * (1 + self.fee)) if order.size is None else order.size
        if not size:
            return Refusal(time, "buy", order.size, "there is no cash")
        fee = size * price * self.fee
        cost = size * price + fee
        # The division above and this product round differently, by a few parts in 1e16.
        if cost > self.cash * (1 + 1e-12):
            return Refusal(time, "buy", order.size, f"it costs {cost:.2f}, and {self.cash:.2f} is there")
        return self._settle("buy", price, size, fee, max(0.0, self.cash - cost), self.position + size, time)

    def _sell(self, order: Order, price: float, time: int) -> Trade | Refusal:
        size = self.position if order.size is None else order.size
        if not size:
            return Refusal(time, "sell", order.size, "nothing is held")
        if size > self.position:
            return Refusal(time, "sell", order.size, f"{self.position:g} is held")
        fee = size * price * self.fee
        return self._settle("sell", price, size, fee, self.cash + size * price - fee, self.position - size, time)

    def _settle(
        self, side: Side, price: float, size: float, fee: float, cash: float, position: float, time: int
    ) -> Trade:
        self.cash, self.position = cash, position
        self.fees_paid += fee
        return Trade(time, side, price, size, fee, cash, position)
