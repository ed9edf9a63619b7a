"""The window's entries: what each tick holds of each agent that was there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from camera.tick_queue import TickQueue
from market.tick import Codes, Floats, Ints


class Entries(NamedTuple):
    """An entry for each agent of each tick, in the order of ticks.

    `steps` are the prices quoted in hundredths, 0 where there is no quote and off the grid; `matches` are the two
    counts in one number of `camera.agent_counts`.
    """

    columns: Ints
    sides: Codes
    steps: Ints
    prices: Floats
    experience: Floats
    matches: Ints


_TYPES = (np.int64, np.int8, np.int64, np.float64, np.float64, np.int64)


class WindowEntries:
    """The entries of the window's ticks.

    Memory and work go with the agents that are there in a tick, not with those that were in the window: a venue has
    thousands of addresses, and some twenty in a tick.
    """

    def __init__(self, ticks: int, capacity: int) -> None:
        self._queue = TickQueue(ticks, *_TYPES)
        #: The number of each column's first entry in the window, or an older one: then it is to be looked for.
        self._first: Ints = np.full(capacity, -1, np.int64)

    @property
    def held(self) -> Entries:
        return Entries(*self._queue.held)

    def count(self, rows: Ints) -> Ints:
        """How many entries each of some ticks has."""
        return self._queue.count(rows)

    def pop(self, rows: Ints) -> Entries:
        """The entries of the oldest ticks; valid until the next `push`."""
        return Entries(*self._queue.pop(rows))

    def push(self, rows: Ints, per_tick: Ints, entries: Entries) -> None:
        self._queue.push(rows, per_tick, *entries)

    def first_experience(self, columns: Ints) -> Floats:
        """What experience the agents of these columns had when the window first saw them."""
        held, begin, first = self.held, self._queue.first, self._first
        at, size = 0, columns.size  # in most markets all are there in the first tick
        while (first[columns] < begin).any():
            part = held.columns[at : at + size]
            new = (first[part] < begin).nonzero()[0][::-1]  # backwards, so that the earliest is written last
            first[part[new]] = begin + at + new
            at, size = at + size, 2 * size
        return held.experience[first[columns] - begin]

    def grow(self, capacity: int) -> None:
        """Make room for more columns."""
        self._first = np.concatenate([self._first, np.full(capacity - self._first.size, -1, np.int64)])
