"""Edges: which quotes stand next to each other, and how often each pair met in the window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from camera.block import Quotes
from camera.snapshot import Edges
from camera.tick_queue import TickQueue
from market.tick import Floats, Ints

EDGE_TYPES = ("match", "quote_proximity")

#: More columns than this and a matrix of all pairs would cost more memory (4 B a pair and type: 32 MB here) than it
#: saves. Pairs then share the places of a table, and those that may be edges are counted anew for each frame.
DENSE_SLOTS = 2048

#: Places of that table, of 4 B each.
_TABLE_BITS = 20

#: Spreads pairs over the table (Fibonacci hashing: 2^64 over the golden ratio, as a signed number).
_SPREAD = np.int64(-7046029254386353131)

#: Of the counts' own type: with any other, NumPy would convert element by element.
_ONE = np.int32(1)


def adjacent_quotes(quotes: Quotes, bounds: Floats) -> Pairs:
    """The pairs of quotes next to each other on one side of one tick and no further apart than its bound.

    `bounds` (price units, NaN for a tick without mid) has one entry a tick. Buys stand in descending, sells in
    ascending order; equal prices in the given order.
    """
    prices, ticks, columns = quotes.prices, quotes.ticks, quotes.columns
    after = np.zeros(prices.size, np.int64)
    sides = quotes.selling.nonzero()[0], (quotes.selling == 0).nonzero()[0]
    for side in sides:
        after[side[:-1]] = side[1:]
    # Prices rise within a tick; a fall, to the next tick, is no distance, and that is what the ticks are compared for.
    near = prices[after] - prices <= bounds[ticks]
    near &= ticks[after] == ticks
    for side in sides:
        near[side[-1:]] = False
    first = near.nonzero()[0]
    one, other = columns[first], columns[after[first]]
    return Pairs(np.bincount(ticks[first], minlength=bounds.size), np.minimum(one, other), np.maximum(one, other))


class Pairs(NamedTuple):
    """Pairs of columns that met, low < high, in order of ticks: `per_tick` many each."""

    per_tick: Ints
    low: Ints
    high: Ints


class PairCounts:
    """How often each pair of columns met within the window, by type, kept as the window slides.

    A pair is the number `(type * capacity + low) * capacity + high` with low < high. Counts are exact integers, so
    what they say depends on the window alone and not on the way it came there.
    """

    def __init__(self, capacity: int, ticks: int) -> None:
        self._queues = [TickQueue(ticks, np.int64) for _ in EDGE_TYPES]
        self._resize(capacity)

    def _resize(self, capacity: int) -> None:
        self.capacity = capacity
        self._dense = capacity <= DENSE_SLOTS
        #: By pair, or by place in the table: there a count is that of all the pairs of this place.
        self._counts = np.zeros(len(EDGE_TYPES) * capacity * capacity if self._dense else 1 << _TABLE_BITS, np.int32)

    def slide(self, rows: Ints, expired: Ints, met: tuple[Pairs, ...]) -> None:
        """Take in the pairs of new ticks, one lot for each of EDGE_TYPES, and let the oldest ticks go.

        `rows` and `expired` are the places of the new and the leaving ticks in the camera's ring.
        """
        leaving = np.concatenate([queue.pop(expired)[0] for queue in self._queues])
        coming = []
        for kind, (queue, (per_tick, low, high)) in enumerate(zip(self._queues, met, strict=True)):
            pairs = self._numbered(kind, low, high)
            queue.push(rows, per_tick, pairs)
            coming.append(pairs)
        np.subtract.at(self._counts, self._places(leaving), _ONE)
        np.add.at(self._counts, self._places(np.concatenate(coming)), _ONE)

    def _numbered(self, kind: int, low: Ints, high: Ints) -> Ints:
        return (low + kind * self.capacity) * self.capacity + high

    def _places(self, pairs: Ints) -> Ints:
        """Where some pairs are counted."""
        return pairs if self._dense else (pairs * _SPREAD >> (64 - _TABLE_BITS)) & ((1 << _TABLE_BITS) - 1)

    def _ends(self, pairs: Ints) -> tuple[Ints, Ints, Ints]:
        """Type, low and high column of some pairs."""
        rest, high = np.divmod(pairs, self.capacity)
        kinds = (rest >= self.capacity).astype(np.int64)
        return kinds, rest - kinds * self.capacity, high

    def grow(self, capacity: int) -> None:
        """Make room for more columns."""
        ends = [self._ends(queue.held[0]) for queue in self._queues]
        self._resize(capacity)
        for kind, (queue, (_, low, high)) in enumerate(zip(self._queues, ends, strict=True)):
            pairs = queue.held[0]
            pairs[:] = self._numbered(kind, low, high)
            np.add.at(self._counts, self._places(pairs), _ONE)

    def counted(self, at_least: int, kind: int | None = None) -> Edges:
        """The pairs of columns, of one type or of both, that met at least so often, once or more, in the window; in no
        order."""
        kinds = slice(None) if kind is None else slice(kind, kind + 1)
        if self._dense:
            of_kinds = self._counts.reshape(len(EDGE_TYPES), -1)[kinds].ravel()
            pairs = (of_kinds >= at_least).nonzero()[0] + (kinds.start or 0) * self.capacity**2
            return Edges(*self._ends(pairs), self._counts[pairs].astype(np.int64))
        held = np.concatenate([queue.held[0] for queue in self._queues[kinds]])
        if at_least > 1:  # whoever met so often is in a place that counts so many
            held = held[self._counts[self._places(held)] >= at_least]
        pairs, counts = np.unique(held, return_counts=True)
        often = counts >= at_least
        return Edges(*self._ends(pairs[often]), counts[often])

    def partners(self, columns: Ints) -> tuple[Ints, int]:
        """With how many others each column matched in the window, and how many pairs quoted next to each other.

        `columns` are those of all agents in the window; the first array has an entry for every column up to their
        greatest.
        """
        used = int(columns.max()) + 1 if columns.size else 0
        if self._dense:
            matched, near = self._counts.reshape(len(EDGE_TYPES), self.capacity, self.capacity)
            ones = matched[:used, :used].astype(np.bool_).view(np.int8)
            by_low, by_high = (
                np.add.reduce(ones, axis=axis, dtype=np.int16) for axis in (1, 0)
            )  # few columns are dense
            return by_low + by_high, int(np.count_nonzero(near))
        pairs, neighbours = (_distinct(queue.held[0]) for queue in self._queues)
        ends = np.concatenate(self._ends(pairs)[1:])
        return np.bincount(ends, minlength=used), neighbours.size


def _distinct(pairs: Ints) -> Ints:
    """Each pair once; `np.unique` hashes them, which takes thirty times as long for a million."""
    pairs = np.sort(pairs)
    return pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if pairs.size else pairs
