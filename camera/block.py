"""A block: the ticks ingested since the window last slid, as columns with one entry an agent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from camera.quotes import to_grid
from market.tick import NONE, POOL, SELL, Tick

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Block:
    """Several ticks side by side, so that one NumPy call does the work of many.

    `tick` (0-based within the block) and `column` say where an entry of the per-agent arrays belongs; the match
    arrays have one entry a match between agents (not with the pool).
    """

    size: int
    tick: Ints
    column: Ints
    sides: npt.NDArray[np.int8]
    prices: Floats
    steps: Ints
    off_grid: Ints
    experience: Floats
    quotes: Ints
    match_tick: Ints
    match_low: Ints
    match_high: Ints


def block_of(ticks: list[Tick], columns: list[Ints], largest_step: int) -> Block:
    """The block of some ticks, given each tick's columns. `quotes` are the positions of buys and sells."""
    per_tick = [c.size for c in columns]
    tick = np.repeat(np.arange(len(ticks)), per_tick)
    column = np.concatenate(columns)
    sides = np.concatenate([t.sides for t in ticks])
    prices = np.concatenate([t.prices for t in ticks])
    quotes = np.flatnonzero(sides != NONE)
    steps, whole = to_grid(prices, largest_step)
    steps[sides == NONE] = 0
    off_grid = np.bincount(tick[quotes[~whole[quotes]]], minlength=len(ticks))
    match_tick = np.repeat(np.arange(len(ticks)), [t.match_a.size for t in ticks])
    b = np.concatenate([t.match_b for t in ticks])
    paired = np.flatnonzero(b != POOL)
    match_tick = match_tick[paired]
    start = np.cumsum([0, *per_tick[:-1]])[match_tick]
    one = column[start + np.concatenate([t.match_a for t in ticks])[paired]]
    other = column[start + b[paired]]
    return Block(
        size=len(ticks),
        tick=tick,
        column=column,
        sides=sides,
        prices=prices,
        steps=steps,
        off_grid=off_grid,
        experience=np.concatenate([t.experience for t in ticks]),
        quotes=quotes,
        match_tick=match_tick,
        match_low=np.minimum(one, other),
        match_high=np.maximum(one, other),
    )


@dataclass(slots=True)
class Quotes:
    """The buys and sells of a block, one entry each; `steps` are prices in hundredths, None if one is off the grid."""

    ticks: Ints
    columns: Ints
    prices: Floats
    selling: npt.NDArray[np.bool_]
    steps: Ints | None

    def by_side(self) -> Ints:
        """Positions tick by tick, buys from the highest price down, then sells from the lowest up; ties as given."""
        side = self.ticks * 2 + self.selling
        if self.steps is not None:
            order = _ranked(side, np.where(self.selling, self.steps, -self.steps))
            if order is not None:
                return order
        return np.lexsort((np.where(self.selling, self.prices, -self.prices), side))

    def by_price(self) -> Ints:
        """Positions tick by tick, from the lowest price up."""
        order = None if self.steps is None else _ranked(self.ticks, self.steps)
        return np.lexsort((self.prices, self.ticks)) if order is None else order


def _ranked(group: Ints, steps: Ints) -> Ints | None:
    """Positions by group, step and position, or None where these do not fit 63 bits.

    All three are packed into one integer: sorting those takes a tenth of the time of a stable sort by keys.
    """
    if not steps.size:
        return np.empty(0, np.int64)
    rank = steps - steps.min()
    place_bits, rank_bits = int(steps.size).bit_length(), int(rank.max()).bit_length()
    if place_bits + rank_bits + int(group.max()).bit_length() > 63:
        return None
    keys = (((group << rank_bits) | rank) << place_bits) | np.arange(steps.size)
    keys.sort()
    order: Ints = keys & ((1 << place_bits) - 1)
    return order


def quotes_of(block: Block) -> Quotes:
    """The quotes of a block."""
    at = block.quotes
    steps = None if block.off_grid.any() else block.steps[at]
    return Quotes(block.tick[at], block.column[at], block.prices[at], block.sides[at] == SELL, steps)


def medians(quotes: Quotes, ticks: int) -> list[float | None]:
    """The median of all quotes of each tick, None for a tick without one."""
    count = np.bincount(quotes.ticks, minlength=ticks)
    prices = quotes.prices[quotes.by_price()]
    quoted = np.flatnonzero(count)
    n, begin = count[quoted], (np.cumsum(count) - count)[quoted]
    middle = (prices[begin + (n - 1) // 2] + prices[begin + n // 2]) / 2
    mids: list[float | None] = [None] * ticks
    for i, mid in zip(quoted.tolist(), middle.tolist(), strict=True):
        mids[i] = mid
    return mids
