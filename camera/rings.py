"""The window's ticks as ring arrays: one row a tick, one column an agent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from camera.block import Block
from market.tick import Tick

Ints = npt.NDArray[np.int64]


class Rings:
    """Rows are reused in a circle; the row of the n-th tick since the start is n modulo `rows`.

    There are more rows than the window has ticks, so that ticks that leave can still be read when new ones are
    already written.
    """

    def __init__(self, rows: int, capacity: int) -> None:
        self.rows = rows
        self.sides = np.zeros((rows, capacity), np.int8)
        self.seen = np.zeros((rows, capacity), np.bool_)
        self.steps = np.zeros((rows, capacity), np.int64)
        self.prices = np.zeros((rows, capacity))
        self.experience = np.zeros((rows, capacity))
        self.mids = np.full(rows, np.nan)
        self.price_norm = np.zeros(rows)
        self.liquidity = np.zeros(rows)
        self.matches = np.zeros(rows, np.int64)
        self.off_grid = np.zeros(rows, np.int64)

    def places(self, begin: int, size: int) -> Ints:
        """The rows of `size` ticks from the `begin`-th on; rows before the first tick are still empty."""
        return np.arange(begin, begin + size) % self.rows

    def write(self, rows: Ints, block: Block, ticks: list[Tick], mids: list[float]) -> None:
        """Put a block of ticks into its rows."""
        row, column = rows[block.tick], block.column
        for ring, values in (
            (self.sides, block.sides),
            (self.seen, True),
            (self.steps, block.steps),
            (self.prices, block.prices),
            (self.experience, block.experience),
        ):
            ring[rows] = 0
            ring[row, column] = values
        self.mids[rows] = mids
        self.price_norm[rows] = [tick.price_norm for tick in ticks]
        self.liquidity[rows] = [tick.liquidity for tick in ticks]
        self.matches[rows] = [tick.match_a.size for tick in ticks]
        self.off_grid[rows] = block.off_grid

    def remap(self, old: Ints, new: Ints, capacity: int) -> None:
        """Follow the columns to their new places (`Slots.rebuild`)."""
        for name in ("sides", "seen", "steps", "prices", "experience"):
            before = getattr(self, name)
            moved = np.zeros((self.rows, capacity), before.dtype)
            moved[:, new] = before[:, old]
            setattr(self, name, moved)
