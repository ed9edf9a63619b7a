"""A tick's actions: what each agent traded or, if it traded nothing, the order it has in the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from market.orderbook.book import OrderBook, Trade
from market.tick import BUY, NONE, SELL


@dataclass(slots=True)
class Actions:
    """One entry an agent: side, price in steps and lots."""

    sides: list[int]
    prices: list[float]
    sizes: list[int]


@dataclass(slots=True)
class _Dealt:
    """What an agent dealt in a tick: lots bought and sold, their cost, and the side of its last trade."""

    bought: int = 0
    sold: int = 0
    cost: int = 0
    last: int = field(default=NONE)

    @property
    def side(self) -> int:
        """Buy or sell, as it bought more or less than it sold; if neither, as it did last."""
        if self.bought == self.sold:
            return self.last
        return BUY if self.bought > self.sold else SELL


def actions(book: OrderBook, trades: Sequence[Trade], agents: int, t: int, mid: float) -> Actions:
    """The agents' actions in tick t. Who has no order does nothing, at the mid.

    A maker shows its bid and its ask in turn. Who traded shows the whole of it, at the mean price.
    """
    shown = Actions([NONE] * agents, [mid] * agents, [0] * agents)
    for order in book:
        agent = order.agent
        if shown.sides[agent] == NONE or (agent + t + order.side) % 2:
            shown.sides[agent], shown.prices[agent], shown.sizes[agent] = order.side, order.price, order.size
    for agent, dealt in _dealt(trades).items():
        lots = dealt.bought + dealt.sold
        shown.sides[agent], shown.prices[agent], shown.sizes[agent] = dealt.side, dealt.cost / lots, lots
    return shown


def _dealt(trades: Sequence[Trade]) -> dict[int, _Dealt]:
    dealt: dict[int, _Dealt] = {}
    for trade in trades:
        cost = trade.price * trade.size
        buyer = dealt.setdefault(trade.buyer, _Dealt())
        buyer.bought, buyer.cost, buyer.last = buyer.bought + trade.size, buyer.cost + cost, BUY
        seller = dealt.setdefault(trade.seller, _Dealt())
        seller.sold, seller.cost, seller.last = seller.sold + trade.size, seller.cost + cost, SELL
    return dealt
