"""The prices in a tick: its mid, and the prices and sizes of its matches."""

from __future__ import annotations

import math

import numpy as np

from bars.making.ohlcv import DECIMALS
from market.tick import Floats, Tick


class TradeReader:
    """Reads ticks in their order; knows the last mid, for ticks that have none of their own.

    It runs on the pipeline's thread. For the least and greatest of a few dozen numbers a list is faster than an array;
    a source that gives each tick the same sizes shares the array.
    """

    def __init__(self, mid: float | None = None) -> None:
        #: The mid of the tick that was read last: the one it was given, else the median of its quotes, else the last.
        self.mid = mid
        self.volume = 0.0
        self._sizes: Floats | None = None
        self._one_size: float | None = None

    def read(self, tick: Tick) -> list[float]:
        """The prices of the next tick's matches, in their order; afterwards `mid` and `volume` are the tick's."""
        mid = median_quote(tick) if tick.mid is None else tick.mid
        if mid is not None:
            self.mid = round(mid, DECIMALS)
        if not tick.match_a.size:
            self.volume = 0.0
            return []
        self.volume = self._volume(tick)
        return self._prices(tick)

    def _prices(self, tick: Tick) -> list[float]:
        """The mean of the two prices of each match; the mid for what the outside pool filled, or the action's own price
        while no mid is known."""
        own = tick.prices.take(tick.match_a)
        prices = tick.prices.take(tick.match_b)  # -1, the pool, takes the last price, which is thrown away
        prices += own
        prices *= 0.5
        np.copyto(prices, own if self.mid is None else self.mid, where=tick.match_b < 0)
        listed: list[float] = prices.tolist()
        return listed

    def _volume(self, tick: Tick) -> float:
        """The sum of the sizes of matches: the smaller of both actions' sizes, the action's own with the pool."""
        if tick.sizes is not self._sizes:
            self._sizes, self._one_size = tick.sizes, _only_value(tick.sizes)
        if self._one_size is not None:
            return self._one_size * tick.match_a.size
        own = tick.sizes.take(tick.match_a)
        pairs = np.minimum(own, tick.sizes.take(tick.match_b))
        np.copyto(pairs, own, where=tick.match_b < 0)
        # fsum is exact whatever the order: another processor's way of adding an array may round otherwise.
        return math.fsum(pairs.tolist())


def median_quote(tick: Tick) -> float | None:
    """The median of all buy and sell prices of a tick, None without any."""
    prices = tick.prices if tick.sides.all() else tick.prices[tick.sides != 0]
    count = prices.size
    if not count:
        return None
    ranked = np.sort(prices)
    return float(ranked[(count - 1) // 2] + ranked[count // 2]) / 2


def _only_value(values: Floats) -> float | None:
    """The value that all of them have, None if they differ."""
    first = float(values[0])
    return first if (values == first).all() else None
