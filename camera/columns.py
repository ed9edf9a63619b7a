"""Which column of the camera's arrays belongs to which agent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from market.tick import Ints

_FEWEST = 8


class Columns:
    """Columns in ascending order of agent id.

    Ids come and go without bound while columns are few: whoever left the window gives the column back at the
    next rebuild. That the order of columns is the order of ids lets edges and nodes come out sorted for free.
    """

    def __init__(self) -> None:
        self._ids: Ints = np.empty(0, np.int64)
        self.capacity = _FEWEST

    @property
    def ids(self) -> Ints:
        """Agent ids by column, ascending; shorter than `capacity`."""
        return self._ids

    def find(self, agent_ids: Ints) -> Ints | None:
        """The columns of `agent_ids`, or None when one of them has none yet."""
        if not agent_ids.size or not self._ids.size:
            return None if agent_ids.size else np.empty(0, np.int64)
        found = np.minimum(np.searchsorted(self._ids, agent_ids), self._ids.size - 1)
        return found if np.array_equal(self._ids[found], agent_ids) else None

    def append(self, agent_ids: Ints) -> bool:
        """Give columns to newcomers behind the last column; False if they do not fit there."""
        new = np.setdiff1d(agent_ids, self._ids)
        fits = self._ids.size + new.size <= self.capacity
        behind = not self._ids.size or not new.size or new[0] > self._ids[-1]
        if fits and behind:
            self._ids = np.concatenate([self._ids, new])
        return bool(fits and behind)

    def rebuild(self, live: npt.NDArray[np.bool_], agent_ids: Ints) -> tuple[Ints, Ints]:
        """Columns for the live agents (a mask over `ids`) and `agent_ids` only.

        Returns (old, new): the column that was `old[i]` is now `new[i]`.
        """
        old = np.flatnonzero(live)
        kept = self._ids[old]
        self._ids = np.union1d(kept, agent_ids)
        self.capacity = self._ids.size + max(_FEWEST, self._ids.size // 4)
        return old, np.searchsorted(self._ids, kept)
