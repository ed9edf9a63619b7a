"""A block: the ticks ingested since the window last slid, as columns with one entry an agent."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from camera.agent_counts import WITH_POOL
from camera.entries import Entries
from camera.quotes import to_grid
from market.tick import NONE, SELL, Floats, Ints, Tick

#: A quote's key is its tick, its price in hundredths (below 2^31 either way, see `largest_step`), its place among the
#: block's entries and whether it is a sell, in this order. Sorting such numbers takes a tenth of the time of a stable
#: sort by each of them.
_STEP_BITS = 33
_SELL_BITS = 1


class Layout:
    """Where the entries of a block's per-agent arrays belong: their `tick` (0-based within the block) and `column`.

    `begin` is where each tick's entries begin; `keys` are the parts of the quotes' keys that stay. The same for block
    after block while the agents stay, and then made only once.
    """

    def __init__(self, columns: list[Ints]) -> None:
        self.columns = columns
        self.per_tick: Ints = np.array([c.size for c in columns])
        self.tick: Ints = np.repeat(np.arange(len(columns)), self.per_tick)
        self.column: Ints = np.concatenate(columns)
        self.begin: Ints = np.cumsum(self.per_tick) - self.per_tick
        self.price_shift = int(self.tick.size).bit_length() + _SELL_BITS
        self.keys: Ints = self.tick << (_STEP_BITS + self.price_shift)
        self.keys |= np.arange(self.tick.size) << _SELL_BITS
        self.middles = _middles(self.per_tick)

    def fits(self, columns: list[Ints]) -> bool:
        """Whether this is the layout of ticks with these columns."""
        return len(columns) == len(self.columns) and all(map(operator.is_, columns, self.columns))

    @property
    def sortable(self) -> bool:
        """Whether the quotes' keys fit 63 bits."""
        return _STEP_BITS + self.price_shift + len(self.columns).bit_length() <= 63


@dataclass(slots=True)
class Block:
    """Several ticks side by side, so that one NumPy call does the work of many.

    `quoting` has one entry an agent, as `entries` have; the match arrays have one a match between agents (not with the
    pool), in order of ticks. `off_grid` is the last tick with a quote off the grid, None if there is none.
    """

    size: int
    layout: Layout
    entries: Entries
    quoting: npt.NDArray[np.bool_]
    off_grid: int | None
    match_tick: Ints
    match_low: Ints
    match_high: Ints


def block_of(ticks: list[Tick], layout: Layout, largest_step: int) -> Block:
    """The block of some ticks."""
    sides = np.concatenate([t.sides for t in ticks])
    prices = np.concatenate([t.prices for t in ticks])
    steps, whole = to_grid(prices, largest_step)
    quoting = sides != NONE
    steps *= quoting
    off_grid = None
    if whole is not None and (quoting & ~whole).any():
        off_grid = int(layout.tick[quoting & ~whole][-1])
    begin = layout.begin.repeat([t.match_a.size for t in ticks])
    a = begin + np.concatenate([t.match_a for t in ticks])
    b = np.concatenate([t.match_b for t in ticks])
    among_agents = b >= 0
    paired = among_agents.nonzero()[0]
    pooled = a[~among_agents]
    a, b = a[paired], begin[paired] + b[paired]
    one, other = layout.column[a], layout.column[b]
    experience = np.concatenate([t.experience for t in ticks])
    matches = np.bincount(np.concatenate([a, b]), minlength=sides.size)
    matches += np.bincount(pooled, minlength=sides.size) << WITH_POOL
    return Block(
        size=len(ticks),
        layout=layout,
        entries=Entries(layout.column, sides, steps, prices, experience, matches),
        quoting=quoting,
        off_grid=off_grid,
        match_tick=layout.tick[a],
        match_low=np.minimum(one, other),
        match_high=np.maximum(one, other),
    )


@dataclass(slots=True)
class Quotes:
    """The buys and sells of a block: tick by tick, from the lowest price up.

    Equal prices of sells stand as given, those of buys the other way round: the sells in this order, and the buys in
    the opposite one, are the two sides of the book. `selling` is 1 for a sell and 0 for a buy, `steps` are the prices
    in hundredths (0 off the grid), `middles` the two places in the middle of each tick.
    """

    ticks: Ints
    columns: Ints
    prices: Floats
    steps: Ints
    selling: Ints
    per_tick: Ints
    middles: tuple[Ints, Ints]


def quotes_of(block: Block) -> Quotes:
    """The quotes of a block."""
    layout, quoting = block.layout, None
    ticks, per_tick, middles = layout.tick, layout.per_tick, layout.middles
    if not block.quoting.all():  # in most markets everyone quotes in every tick
        quoting = block.quoting.nonzero()[0]
        ticks = ticks[quoting]
        per_tick = np.bincount(ticks, minlength=block.size)
        middles = _middles(per_tick)
    if block.off_grid is None and layout.sortable:
        order, selling = _ranked(block, quoting)
    else:
        order, selling = _sorted(block, quoting)
    entries = block.entries
    return Quotes(ticks, layout.column[order], entries.prices[order], entries.steps[order], selling, per_tick, middles)


def _ranked(block: Block, quoting: Ints | None) -> tuple[Ints, Ints]:
    """The quotes' places among the block's entries, in the order of `Quotes`, and `selling` in that order."""
    low_bits = (1 << block.layout.price_shift) - 1
    buy = low_bits & ~1  # turns the place of a buy about: of equal prices the last comes first
    keys = block.entries.steps << block.layout.price_shift
    keys += block.layout.keys
    keys ^= np.array([0, buy, 1]).take(block.entries.sides)
    if quoting is not None:
        keys = keys[quoting]
    keys.sort()
    keys &= low_bits
    selling = keys & 1
    keys ^= np.array([buy, 0]).take(selling)
    keys >>= _SELL_BITS
    return keys, selling


def _sorted(block: Block, quoting: Ints | None) -> tuple[Ints, Ints]:
    """As `_ranked`, for prices that no key holds."""
    sides, prices = block.entries.sides, block.entries.prices
    places = np.arange(sides.size) if quoting is None else quoting
    selling = (sides[places] == SELL).astype(np.int64)
    order = np.lexsort((np.where(selling, places, -places), prices[places], block.layout.tick[places]))
    return places[order], selling[order]


def _middles(per_tick: Ints) -> tuple[Ints, Ints]:
    begin = np.cumsum(per_tick) - per_tick
    return begin + (per_tick - 1) // 2, begin + per_tick // 2


def medians(quotes: Quotes) -> list[float | None]:
    """The median of all quotes of each tick, None for a tick without one."""
    if not quotes.prices.size:
        return [None] * quotes.per_tick.size
    lower, upper = quotes.middles
    # Where there is no quote, any will do: it is not looked at.
    middle = quotes.prices.take(lower, mode="clip")
    middle += quotes.prices.take(upper, mode="clip")
    middle /= 2
    return [mid if n else None for mid, n in zip(middle.tolist(), quotes.per_tick.tolist(), strict=True)]
