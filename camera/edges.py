"""Edges: which quotes stand next to each other, how often each pair met in the window, and the strongest pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from camera.block import Quotes
from market.tick import Floats, Ints

EDGE_TYPES = ("match", "quote_proximity")

#: More columns than this and a matrix of all pairs would cost more memory (4 B a pair and type: 32 MB here)
#: than it saves; the pairs in the window are then counted anew for each frame.
DENSE_SLOTS = 2048

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


class _Queue:
    """Numbers that come and go tick by tick. `ticks` is how many rows the camera's rings have."""

    def __init__(self, ticks: int) -> None:
        self._numbers: Ints = np.empty(256, np.int64)
        self._begin = self._end = 0
        self._per_tick: Ints = np.zeros(ticks, np.int64)

    @property
    def held(self) -> Ints:
        return self._numbers[self._begin : self._end]

    def pop(self, rows: Ints) -> Ints:
        """The numbers of the oldest ticks, whose rows these are."""
        begin = self._begin
        self._begin += int(self._per_tick[rows].sum())
        self._per_tick[rows] = 0
        return self._numbers[begin : self._begin]

    def push(self, rows: Ints, per_tick: Ints, numbers: Ints) -> None:
        """Take in the numbers of new ticks."""
        self._per_tick[rows] = per_tick
        if self._end + numbers.size > self._numbers.size:
            held = self.held
            # At least half of the new space is free, so copying stays a constant cost a number.
            space = np.empty(max(256, 2 * (held.size + numbers.size)), np.int64)
            space[: held.size] = held
            self._numbers, self._begin, self._end = space, 0, held.size
        self._numbers[self._end : self._end + numbers.size] = numbers
        self._end += numbers.size


class PairCounts:
    """How often each pair of columns met within the window, by type, kept as the window slides.

    A pair is the number `(type * capacity + low) * capacity + high` with low < high. Counts are exact integers, so
    what they say depends on the window alone and not on the way it came there.
    """

    def __init__(self, capacity: int, ticks: int) -> None:
        self._queues = [_Queue(ticks) for _ in EDGE_TYPES]
        self._resize(capacity)

    def _resize(self, capacity: int) -> None:
        self.capacity = capacity
        self._dense = capacity <= DENSE_SLOTS
        self._counts = np.zeros(len(EDGE_TYPES) * capacity * capacity if self._dense else 0, np.int32)

    def slide(self, rows: Ints, expired: Ints, met: tuple[Pairs, ...]) -> None:
        """Take in the pairs of new ticks, one lot for each of EDGE_TYPES, and let the oldest ticks go.

        `rows` and `expired` are the places of the new and the leaving ticks in the camera's ring.
        """
        leaving = np.concatenate([queue.pop(expired) for queue in self._queues])
        coming = []
        for kind, (queue, (per_tick, low, high)) in enumerate(zip(self._queues, met, strict=True)):
            pairs = self._numbered(kind, low, high)
            queue.push(rows, per_tick, pairs)
            coming.append(pairs)
        if self._dense:
            np.subtract.at(self._counts, leaving, _ONE)
            np.add.at(self._counts, np.concatenate(coming), _ONE)

    def _numbered(self, kind: int, low: Ints, high: Ints) -> Ints:
        return (low + kind * self.capacity) * self.capacity + high

    def ends(self, pairs: Ints) -> tuple[Ints, Ints, Ints]:
        """Type, low and high column of some pairs."""
        rest, high = np.divmod(pairs, self.capacity)
        kinds = (rest >= self.capacity).astype(np.int64)
        return kinds, rest - kinds * self.capacity, high

    def remap(self, old: Ints, new: Ints, capacity: int) -> None:
        """Follow the columns to their new places (`Slots.rebuild`)."""
        place = np.zeros(self.capacity, np.int64)
        place[old] = new
        ends = [self.ends(queue.held) for queue in self._queues]
        self._resize(capacity)
        for kind, (queue, (_, low, high)) in enumerate(zip(self._queues, ends, strict=True)):
            queue.held[:] = self._numbered(kind, place[low], place[high])
            if self._dense:
                np.add.at(self._counts, queue.held, _ONE)

    def counted(self, at_least: int) -> tuple[Ints, Ints]:
        """(pairs ascending, their counts) of the pairs that met at least so often, once or more, in the window."""
        if not self._dense:
            held = np.concatenate([queue.held for queue in self._queues])
            pairs, counts = np.unique(held, return_counts=True)
            return pairs[counts >= at_least], counts[counts >= at_least]
        pairs = (self._counts >= at_least).nonzero()[0]
        return pairs, self._counts[pairs].astype(np.int64)


def strongest(counts: Ints, most: int) -> Ints:
    """Positions of the `most` greatest counts, greatest first, equal ones in the given order."""
    if not counts.size:
        return np.empty(0, np.int64)
    # Count and position in one integer: sorting those is several times as fast as a stable sort.
    bits = int(counts.size).bit_length()
    keys = (counts.max() - counts) << bits
    keys |= np.arange(counts.size)
    keys.sort()
    chosen: Ints = keys[:most] & ((1 << bits) - 1)
    return chosen
