"""Which column of the camera's arrays belongs to which agent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from market.tick import Ints

_FEWEST = 8
#: With less than this part of the columns free, agents that come and go would have them searched again and again.
_SPARE_PART = 8


class Columns:
    """A column for each agent, which it keeps while it is in the window.

    Ids come and go without bound while columns are few: when none is free, those of agents that left the window are
    given to newcomers.
    """

    def __init__(self) -> None:
        #: Agent ids ascending, and the column of each.
        self._ids: Ints = np.empty(0, np.int64)
        self._columns: Ints = np.empty(0, np.int64)
        self._free: Ints = np.arange(_FEWEST)
        self.capacity = _FEWEST

    def find(self, agent_ids: Ints) -> Ints | None:
        """The columns of `agent_ids`, or None when one of them has none yet."""
        at = self._ids.searchsorted(agent_ids)
        return self._columns[at] if self._known(at, agent_ids).all() else None

    def admit(self, agent_ids: Ints) -> bool:
        """Give columns to those of `agent_ids` that have none; False, and nothing is done, if there are too few."""
        new = self._newcomers(agent_ids)
        if new.size > self._free.size:
            return False
        at = self._ids.searchsorted(new)
        self._ids = np.insert(self._ids, at, new)
        self._columns = np.insert(self._columns, at, self._free[: new.size])
        self._free = self._free[new.size :]
        return True

    def make_room(self, present: npt.NDArray[np.bool_], agent_ids: Ints) -> None:
        """Take back the columns of agents that are not `present` (a mask by column); have enough for `agent_ids`."""
        kept = present[self._columns]
        self._free = np.sort(np.concatenate([self._free, self._columns[~kept]]))
        self._ids, self._columns = self._ids[kept], self._columns[kept]
        needed = int(self._newcomers(agent_ids).size)
        if self._free.size < max(needed, self.capacity // _SPARE_PART):
            before = self.capacity
            self.capacity = 1 << max(self._ids.size + needed - 1, before).bit_length()
            self._free = np.concatenate([self._free, np.arange(before, self.capacity)])

    def _known(self, at: Ints, agent_ids: Ints) -> npt.NDArray[np.bool_]:
        """Whether each id has a column; `at` is where it stands or would stand."""
        known = np.zeros(agent_ids.size, np.bool_)
        if self._ids.size:
            np.equal(self._ids.take(at, mode="clip"), agent_ids, out=known)
        return known

    def _newcomers(self, agent_ids: Ints) -> Ints:
        """Those that have no column, ascending."""
        return np.sort(agent_ids[~self._known(self._ids.searchsorted(agent_ids), agent_ids)])

    def by_id(self, present: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """(ids, columns) of the agents whose columns are `present`, by ascending id."""
        there = present[self._columns]
        return self._ids[there], self._columns[there]
