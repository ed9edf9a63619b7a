"""The trades in a tick: the prices that its source gave for matches, and the volume of all of them."""

from __future__ import annotations

import math

import numpy as np

from market.tick import Floats, Tick


def trade_prices(tick: Tick) -> list[float]:
    """The prices of the tick's matches that its source knows, in their order."""
    if tick.match_prices is None:
        return []
    return [price for price in tick.match_prices.tolist() if price == price]  # NaN is not known


class VolumeReader:
    """Reads ticks in their order. A source that gives each tick the same sizes shares the array, which is seen once."""

    def __init__(self) -> None:
        self._sizes: Floats | None = None
        self._one_size: float | None = None

    def volume_of(self, tick: Tick) -> float:
        """The sum of the sizes of matches.

        A match has the size that its source gave, else the smaller of both actions' sizes, the action's own with the
        pool.
        """
        if not tick.match_a.size:
            return 0.0
        if tick.sizes is not self._sizes:
            self._sizes, self._one_size = tick.sizes, _only_value(tick.sizes)
        if self._one_size is not None and tick.match_sizes is None:
            return self._one_size * tick.match_a.size
        own = tick.sizes.take(tick.match_a)
        sizes = np.minimum(own, tick.sizes.take(tick.match_b))  # -1, the pool, takes the last size
        np.copyto(sizes, own, where=tick.match_b < 0)
        if tick.match_sizes is not None:
            np.copyto(sizes, tick.match_sizes, where=~np.isnan(tick.match_sizes))
        # fsum is exact whatever the order: another processor's way of adding an array may round otherwise.
        return math.fsum(sizes.tolist())


def _only_value(values: Floats) -> float | None:
    """The value that all of them have, None if they differ."""
    first = float(values[0])
    return first if (values == first).all() else None
