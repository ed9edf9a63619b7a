"""Those who are no makers: fundamentalists, momentum traders, and those who trade at random."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np

from market.orderbook.book import OrderBook, Trade
from market.orderbook.parameters import Parameters
from market.orderbook.spacing import spaced
from market.orderbook.value import heavy_tailed
from market.tick import BUY, SELL

#: The furthest from the mid that a noise trader leaves an order, in multiples of the least distance.
_FURTHEST = 30.0


class Sight(NamedTuple):
    """What traders see in a tick: the mid and the value in steps, and the usual relative move of the mid."""

    mid: float
    value: float
    usual_move: float


class Luck(NamedTuple):
    """One trader's uniform numbers in a tick."""

    side: float
    size: float
    place: float

    def coin(self) -> int:
        """Buy or sell, with the same probability."""
        return BUY if self.side < 0.5 else SELL


class Kind(Protocol):
    """A kind of traders; `trader` counts within the kind, `agent` in the market."""

    def act(self, book: OrderBook, agent: int, trader: int, sight: Sight, luck: Luck) -> list[Trade]: ...


def _lots(luck: Luck, largest: int, factor: float = 1.0) -> int:
    """The size of an order: most are small, some are many times larger."""
    return max(1, min(int(heavy_tailed(luck.size) * factor), largest))


def _leave(book: OrderBook, agent: int, side: int, around: float, distance: float, lots: int) -> list[Trade]:
    """A limit order at a distance from a price on its own side of it."""
    price = math.floor(around - distance) if side == BUY else math.ceil(around + distance)
    return book.place(agent, side, max(1, price), lots)


class Fundamentalists:
    """Trade at once where the price is far from what they think it is worth, and else wait for better prices."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters, count = parameters, parameters.fundamentalists
        self._errors: list[float] = (parameters.value_spread * np.linspace(-1.0, 1.0, count)).tolist()

    def act(self, book: OrderBook, agent: int, trader: int, sight: Sight, luck: Luck) -> list[Trade]:
        parameters = self._parameters
        value = sight.value * (1.0 + self._errors[trader])
        promise = (value - sight.mid) / sight.mid / parameters.edge
        if abs(promise) > 1.0:
            lots = _lots(luck, parameters.largest_order, abs(promise))
            return book.take(agent, BUY if promise > 0 else SELL, lots)
        distance = parameters.edge * (0.5 + luck.place) * value
        return _leave(book, agent, luck.coin(), value, distance, _lots(luck, parameters.largest_order))


class Momentum:
    """Buy what rises and sell what falls, each over a horizon of its own; else they stand aside."""

    def __init__(self, parameters: Parameters, mid: float) -> None:
        self._parameters = parameters
        self._horizons = spaced(parameters.shortest_trend, parameters.longest_trend, parameters.momentum)
        self._roots: list[float] = np.sqrt(self._horizons).tolist()
        self._means = np.full(parameters.momentum, mid)

    def see(self, mid: float) -> None:
        """Bring the mean mids up to this one."""
        self._means += (mid - self._means) / self._horizons

    def act(self, book: OrderBook, agent: int, trader: int, sight: Sight, luck: Luck) -> list[Trade]:
        rise = sight.mid - float(self._means[trader])
        # A random walk moves by the root of the time: so the trends of all horizons are of one measure.
        if abs(rise) <= self._parameters.trend * sight.usual_move * sight.mid * self._roots[trader]:
            return []
        return book.take(agent, BUY if rise > 0 else SELL, _lots(luck, self._parameters.largest_order))

    def state(self) -> dict[str, Any]:
        return {"means": self._means.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        self._means = np.array(state["means"], np.float64)


class Noise:
    """Buy and sell without a reason, at once or by an order that is left somewhere near the mid."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def act(self, book: OrderBook, agent: int, trader: int, sight: Sight, luck: Luck) -> list[Trade]:
        parameters, side = self._parameters, luck.coin()
        lots = _lots(luck, parameters.largest_order)
        takes = parameters.noise_takes
        if luck.place < takes:
            return book.take(agent, side, lots)
        far = min(heavy_tailed((luck.place - takes) / (1.0 - takes)), _FURTHEST)
        return _leave(book, agent, side, sight.mid, parameters.noise_distance * sight.mid * far, lots)
