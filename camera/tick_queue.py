"""A queue of numbers that come and go tick by tick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from market.tick import Ints

_FEWEST = 256


class TickQueue:
    """Arrays side by side, of the given types, with any number of entries a tick.

    `ticks` is how many rows the camera's rings have: a tick is named by its row there. `first` numbers the oldest entry
    held, in the count of all that ever came.
    """

    def __init__(self, ticks: int, *types: npt.DTypeLike) -> None:
        self._arrays: list[npt.NDArray[Any]] = [np.empty(_FEWEST, one) for one in types]
        self._begin = self._end = 0
        self._per_tick: Ints = np.zeros(ticks, np.int64)
        self.first = 0

    @property
    def held(self) -> list[npt.NDArray[Any]]:
        return [array[self._begin : self._end] for array in self._arrays]

    def count(self, rows: Ints) -> Ints:
        """How many entries each of some ticks has."""
        return self._per_tick[rows]

    def pop(self, rows: Ints) -> list[npt.NDArray[Any]]:
        """The entries of the oldest ticks, whose rows these are; valid until the next `push`."""
        begin = self._begin
        size = int(np.add.reduce(self._per_tick[rows]))
        self._begin += size
        self.first += size
        self._per_tick[rows] = 0
        return [array[begin : self._begin] for array in self._arrays]

    def push(self, rows: Ints, per_tick: Ints, *arrays: npt.NDArray[Any]) -> None:
        """Take in the entries of new ticks."""
        self._per_tick[rows] = per_tick
        begin, size = self._end, arrays[0].size
        if begin + size > self._arrays[0].size:
            begin = self._make_room(size)
        self._end = begin + size
        for held, new in zip(self._arrays, arrays, strict=True):
            held[begin : self._end] = new

    def _make_room(self, size: int) -> int:
        """Moves what is held to the beginning of new arrays; where new entries belong."""
        held = self.held
        count = self._end - self._begin
        # At least half of the new space is free, so copying stays a constant cost an entry.
        space = max(_FEWEST, 2 * (count + size))
        self._arrays = [np.empty(space, array.dtype) for array in held]
        for array, old in zip(self._arrays, held, strict=True):
            array[:count] = old
        self._begin, self._end = 0, count
        return count
