"""Edges: which quotes stand next to each other, how often each pair met in the window, and the strongest pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from camera.block import Quotes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EDGE_TYPES = ("match", "quote_proximity")

#: More columns than this and a matrix of all pairs would cost more memory (4 B a pair and type: 32 MB here)
#: than it saves; the pairs in the window are then counted anew for each frame.
DENSE_SLOTS = 2048

#: Of the counts' own type: with any other, NumPy would convert element by element.
_ONE = np.int32(1)


def adjacent_quotes(quotes: Quotes, bounds: Floats) -> tuple[Ints, Ints]:
    """Positions (i, j) of quotes next to each other on one side of one tick and no further apart than its bound.

    `bounds` (price units, NaN for a tick without mid) has one entry a tick. Buys stand in descending, sells in
    ascending order; equal prices in the given order. Pairs come tick by tick.
    """
    order = quotes.by_side()
    prices, side = quotes.prices[order], quotes.ticks[order] * 2 + quotes.selling[order]
    near = np.abs(prices[1:] - prices[:-1]) <= bounds[side[1:] >> 1]
    near &= side[1:] == side[:-1]
    first = np.flatnonzero(near)
    return order[first], order[first + 1]


class PairCounts:
    """How often each pair of columns met within the window, kept as the window slides.

    A pair is the number `low * capacity + high` with low < high. Counts are exact integers, so what they say
    depends on the window alone and not on the way it came there.
    """

    def __init__(self, capacity: int, ticks: int) -> None:
        self._pairs: Ints = np.empty(256, np.int64)
        self._begin = self._end = 0
        self._per_tick: Ints = np.zeros(ticks, np.int64)
        self._resize(capacity)

    def _resize(self, capacity: int) -> None:
        self.capacity = capacity
        self._dense = capacity <= DENSE_SLOTS
        self._counts = np.zeros(capacity * capacity if self._dense else 0, np.int32)

    def slide(self, rows: Ints, per_tick: Ints, low: Ints, high: Ints, expired: Ints) -> Ints:
        """Take in the pairs of new ticks (in order, `per_tick` many each) and let the oldest ticks go.

        `rows` and `expired` are the places of the new and the leaving ticks in the camera's ring. Returns both ends
        of the pairs that left, one after the other.
        """
        pairs = low * self.capacity + high
        leaving = self._pairs[self._begin : self._begin + int(self._per_tick[expired].sum())]
        if self._dense:
            np.subtract.at(self._counts, leaving, _ONE)
            np.add.at(self._counts, pairs, _ONE)
        self._begin += leaving.size
        self._per_tick[expired] = 0
        self._per_tick[rows] = per_tick
        self._append(pairs)
        return np.concatenate([leaving // self.capacity, leaving % self.capacity])

    def _append(self, pairs: Ints) -> None:
        if self._end + pairs.size > self._pairs.size:
            live = self._pairs[self._begin : self._end]
            # At least half of the new space is free, so copying stays a constant cost a pair.
            space = np.empty(max(256, 2 * (live.size + pairs.size)), np.int64)
            space[: live.size] = live
            self._pairs, self._begin, self._end = space, 0, live.size
        self._pairs[self._end : self._end + pairs.size] = pairs
        self._end += pairs.size

    def remap(self, old: Ints, new: Ints, capacity: int) -> None:
        """Follow the columns to their new places (`Slots.rebuild`)."""
        place = np.zeros(self.capacity, np.int64)
        place[old] = new
        live = self._pairs[self._begin : self._end]
        live[:] = place[live // self.capacity] * capacity + place[live % self.capacity]
        self._resize(capacity)
        if self._dense:
            np.add.at(self._counts, live, _ONE)

    def counted(self, at_least: int) -> tuple[Ints, Ints]:
        """(pairs ascending, their counts) of the pairs that met at least so often, once or more, in the window."""
        if not self._dense:
            pairs, counts = np.unique(self._pairs[self._begin : self._end], return_counts=True)
            return pairs[counts >= at_least], counts[counts >= at_least]
        pairs = np.flatnonzero(self._counts >= at_least)
        return pairs, self._counts[pairs].astype(np.int64)


def strongest(counts: Ints, most: int) -> Ints:
    """Positions of the `most` greatest counts, greatest first, equal ones in the given order."""
    if counts.size > most:
        at_least = np.cumsum(np.bincount(counts)[::-1])[::-1]  # at_least[c]: how many counts are >= c
        cut = int(np.flatnonzero(at_least >= most)[-1]) if most else int(counts.max()) + 1
        above = np.flatnonzero(counts > cut)
        equal = np.flatnonzero(counts == cut)[: most - above.size]
        chosen = np.sort(np.concatenate([above, equal]))
    else:
        chosen = np.arange(counts.size)
    return chosen[np.argsort(-counts[chosen], kind="stable")]
