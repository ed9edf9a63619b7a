"""What each agent did in one tick: all of its trades as one action."""

from __future__ import annotations

import math
from collections.abc import Iterable

from market.tick import BUY, SELL
from market.tick_message import LARGEST
from market.trades.trade import Trade

#: Bought and sold are equal if they differ by less than this share of the volume: 0.1 + 0.2 is not 0.3 in binary.
_EQUAL = 1e-12


class Action:
    """The trades of one agent within a tick: sizes, below 0 where it sold, and prices."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.sizes: list[float] = []
        self.prices: list[float] = []

    @property
    def volume(self) -> float:
        """What it bought and sold together."""
        return min(math.fsum(map(abs, self.sizes)), float(LARGEST))

    @property
    def price(self) -> float:
        """The volume-weighted mean of its prices."""
        mean = math.fsum(abs(s) * p for s, p in zip(self.sizes, self.prices, strict=True)) / self.volume
        return min(max(mean, min(self.prices)), max(self.prices))  # rounding must not carry it beyond them

    @property
    def side(self) -> int:
        """What it did more of; if equal, the side of its last trade."""
        net = math.fsum(self.sizes)
        if abs(net) <= _EQUAL * self.volume:
            net = self.sizes[-1]
        return BUY if net > 0 else SELL


def actions_of(trades: Iterable[Trade]) -> dict[str, Action]:
    """The action of each agent by its name, in the order of first appearance; of a trade the buyer comes first."""
    actions: dict[str, Action] = {}
    for trade in trades:
        for name, size in ((trade.buyer, trade.size), (trade.seller, -trade.size)):
            action = actions.get(name)
            if action is None:
                action = actions[name] = Action()
            action.sizes.append(size)
            action.prices.append(trade.price)
    return actions
