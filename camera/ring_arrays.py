"""The window's ticks as ring arrays: one row a tick, one column an agent."""

from __future__ import annotations

import numpy as np

from camera.agent_counts import ABOVE, BY_SIDE, CENSUS, KINDS, MATCHES, SQUARES, STEPS
from camera.block import Block
from market.tick import Ints, Tick


class RingArrays:
    """Rows are reused in a circle; the row of the n-th tick since the start is n modulo `rows`.

    There are more rows than the window has ticks, so that ticks that leave can still be read when new ones are
    already written. `prices` and `experience` hold old numbers where an agent was not seen.
    """

    def __init__(self, rows: int, capacity: int) -> None:
        self.rows = rows
        self._first_rows = np.arange(rows)
        self.cells: Ints = np.zeros((rows, KINDS, capacity), np.int64)
        self.prices = np.zeros((rows, capacity))
        self.experience = np.zeros((rows, capacity))
        self.mids = np.full(rows, np.nan)
        self.series = np.zeros((3, rows))  # what `camera.events` looks at
        self._levels = (0.0, 0.0)  # price and liquidity of the last tick

    def places(self, begin: int, size: int) -> Ints:
        """The rows of `size` ticks from the `begin`-th on; rows before the first tick are still empty."""
        return (begin + self._first_rows[:size]) % self.rows

    def write(self, rows: Ints, block: Block, ticks: list[Tick], mids: list[float], above: Ints | None) -> Ints:
        """Put a block of ticks into its rows; gives what is now in their `cells`.

        `above` is what the quotes stand for in `ABOVE`, one entry an agent, None while there is no pivot.
        """
        layout, capacity = block.layout, self.prices.shape[1]
        fresh = _cells(block, capacity, above)
        self.cells[rows] = fresh
        at = rows[layout.tick] * capacity + layout.column
        self.prices.reshape(-1)[at] = block.prices
        self.experience.reshape(-1)[at] = block.experience
        self.mids[rows] = mids
        self.series[:, rows] = self._series(ticks)
        return fresh

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

    def remap(self, old: Ints, new: Ints, capacity: int) -> None:
        """Follow the columns to their new places (`Slots.rebuild`)."""
        for name in ("cells", "prices", "experience"):
            before = getattr(self, name)
            moved = np.zeros((*before.shape[:-1], capacity), before.dtype)
            moved[..., new] = before[..., old]
            setattr(self, name, moved)


def _cells(block: Block, capacity: int, above: Ints | None) -> Ints:
    """What a block puts into `RingArrays.cells`."""
    cells = np.zeros((block.size, KINDS, capacity), np.int64)
    flat, at = cells.reshape(-1), block.layout.cells
    flat[at[CENSUS]] = BY_SIDE.take(block.sides)
    flat[at[STEPS]] = block.steps
    flat[at[SQUARES]] = block.steps * block.steps
    if above is not None:
        flat[at[ABOVE]] = above
    tick = block.match_tick * capacity
    met = np.bincount(
        np.concatenate([tick + block.match_low, tick + block.match_high]), minlength=block.size * capacity
    )
    cells[:, MATCHES] = met.reshape(block.size, capacity)
    return cells
