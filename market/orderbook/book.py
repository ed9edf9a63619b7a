"""The limit order book: price-time priority, partial fills, and at most one order an agent and side."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from market.tick import BUY, SELL

#: How many of the best prices of each side count as near.
NEAR_PRICES = 10

_ANY_PRICE = sys.maxsize


class Trade(NamedTuple):
    """A fill: who bought from whom, at which price in steps, how many lots; `taker` is the side that crossed."""

    buyer: int
    seller: int
    price: int
    size: int
    taker: int


class Order:
    """A resting order: its price in steps, and the lots that are left of it."""

    __slots__ = ("agent", "price", "side", "size")

    def __init__(self, agent: int, side: int, price: int, size: int) -> None:
        self.agent, self.side, self.price, self.size = agent, side, price, size


class BookSide:
    """The resting orders of one side: a queue a price, the prices sorted with the best one last."""

    def __init__(self, side: int) -> None:
        self._sign = 1 if side == BUY else -1
        self._keys: list[int] = []
        self._queues: dict[int, list[Order]] = {}

    @property
    def best(self) -> int | None:
        """The best price; None where nobody quotes."""
        return self._sign * self._keys[-1] if self._keys else None

    def first(self) -> Order:
        """The order that is filled next: of the oldest at the best price. Only where there is one."""
        return self._queues[self._keys[-1]][0]

    def add(self, order: Order) -> None:
        """Join the end of the queue at the order's price."""
        key = self._sign * order.price
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = [order]
            insort(self._keys, key)
        else:
            queue.append(order)

    def remove(self, order: Order) -> None:
        """Leave the queue, from wherever the order stands in it."""
        key = self._sign * order.price
        queue = self._queues[key]
        queue.remove(order)
        if not queue:
            del self._queues[key]
            del self._keys[bisect_left(self._keys, key)]

    def depth(self) -> int:
        """The lots at the best NEAR_PRICES prices."""
        return sum([order.size for key in self._keys[-NEAR_PRICES:] for order in self._queues[key]])

    def __iter__(self) -> Iterator[Order]:
        """All orders, those first that are filled first."""
        for key in reversed(self._keys):
            yield from self._queues[key]


class OrderBook:
    """Both sides of a market. Prices are whole steps above 0, sizes whole lots.

    An agent has at most one order a side: it withdraws before it places anew, and so never trades with itself.
    """

    def __init__(self) -> None:
        self.bids, self.asks = BookSide(BUY), BookSide(SELL)
        self._orders: dict[tuple[int, int], Order] = {}

    @property
    def mid(self) -> float | None:
        """The middle of the best prices, in steps; None where a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        return None if bid is None or ask is None else (bid + ask) / 2

    def withdraw(self, agent: int) -> None:
        """Take back what an agent has resting, on both sides."""
        for side, orders in ((BUY, self.bids), (SELL, self.asks)):
            order = self._orders.pop((agent, side), None)
            if order is not None:
                orders.remove(order)

    def place(self, agent: int, side: int, price: int, size: int) -> list[Trade]:
        """A limit order: fills what crosses, best price and oldest order first; the rest of it rests."""
        trades, left = self._fill(agent, side, price, size)
        if left:
            self.rest(agent, side, price, left)
        return trades

    def take(self, agent: int, side: int, size: int) -> list[Trade]:
        """A market order: fills at whatever prices there are; what is left of it lapses."""
        return self._fill(agent, side, _ANY_PRICE if side == BUY else 0, size)[0]

    def rest(self, agent: int, side: int, price: int, size: int) -> None:
        """Add an order that crosses nothing."""
        order = self._orders[agent, side] = Order(agent, side, price, size)
        (self.bids if side == BUY else self.asks).add(order)

    def _fill(self, agent: int, side: int, price: int, size: int) -> tuple[list[Trade], int]:
        opposite = self.asks if side == BUY else self.bids
        trades: list[Trade] = []
        while size and (best := opposite.best) is not None and (best <= price if side == BUY else best >= price):
            order = opposite.first()
            filled = min(size, order.size)
            buyer, seller = (agent, order.agent) if side == BUY else (order.agent, agent)
            trades.append(Trade(buyer, seller, best, filled, side))
            size -= filled
            order.size -= filled
            if not order.size:
                opposite.remove(order)
                del self._orders[order.agent, order.side]
        return trades, size

    def __iter__(self) -> Iterator[Order]:
        """All orders: bids before asks, and those first that are filled first."""
        yield from self.bids
        yield from self.asks
