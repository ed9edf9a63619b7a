"""What the window's ticks are in a few numbers each, as ring arrays: one place a tick."""

from __future__ import annotations

import numpy as np

from market.tick import Ints, Tick


class RingArrays:
    """Rows are reused in a circle; the row of the n-th tick since the start is n modulo `rows`.

    There are more rows than the window has ticks, so that ticks that leave can still be told when new ones are already
    written.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._first_rows = np.arange(rows)
        self.mids = np.full(rows, np.nan)
        self.series = np.zeros((3, rows))  # what `camera.events` looks at
        self._levels = (0.0, 0.0)  # price and liquidity of the last tick

    def places(self, begin: int, size: int) -> Ints:
        """The rows of `size` ticks from the `begin`-th on; rows before the first tick are still empty."""
        return (begin + self._first_rows[:size]) % self.rows

    def write(self, rows: Ints, ticks: list[Tick], mids: list[float]) -> None:
        """Put ticks into their rows."""
        self.mids[rows] = mids
        self.series[:, rows] = self._series(ticks)

    def _series(self, ticks: list[Tick]) -> tuple[list[float], list[float], list[int]]:
        """Changes of price and liquidity, and matches, tick by tick. That of the very first tick means nothing."""
        prices, liquidity = [], []
        price_before, liquidity_before = self._levels
        for tick in ticks:
            prices.append(tick.price_norm - price_before)
            liquidity.append(tick.liquidity - liquidity_before)
            price_before, liquidity_before = tick.price_norm, tick.liquidity
        self._levels = price_before, liquidity_before
        return prices, liquidity, [tick.match_a.size for tick in ticks]
