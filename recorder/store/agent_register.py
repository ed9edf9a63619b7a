"""The register of a store: gives every name of an agent its id, always the same, and keeps them on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import numpy as np

from market.tick import Ints
from market.tick_message import check_name
from recorder.errors import RecorderError, StoreError
from recorder.segment.segment_file import sync_directory, write_all
from recorder.store.agents_file import FILE_NAME, NamedAgent, read_agents


class DamagedRegister(RecorderError):
    """A register whose ids are not certain: a market that went on would give them to other names."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path}: {fault}; `manage.py repair` puts it right")


class AgentRegister:
    """The ids of a market's names: 0, 1, 2 … in the order in which the names first appeared (`market.agent_ids`).

    An id is valid in memory at once, and on disk after the next `settle`, which must come before the tick that uses it
    is recorded or streamed. While the store takes no data, ids are valid in memory alone. Only for the holder of the
    store.
    """

    def __init__(self, directory: Path) -> None:
        """Read what is on disk, without a line that a crash cut short. Raises DamagedRegister, StoreError."""
        self._path = directory / FILE_NAME
        try:
            found = read_agents(directory)
            if found.faults:
                raise DamagedRegister(self._path, found.faults[0])
            if found.torn_bytes:
                os.truncate(self._path, found.whole_bytes)
        except OSError as error:
            raise StoreError(self._path, error) from error
        self._agents = found.agents
        self._ids = {agent.name: agent.agent_id for agent in found.agents}
        self._written, self._bytes = found.whole, found.whole_bytes
        self._adding = threading.Lock()

    @property
    def written(self) -> int:
        """The number of agents on disk."""
        return self._written

    @property
    def agents(self) -> list[NamedAgent]:
        """Those on disk, by id. May be called from any thread."""
        return self._agents[: self._written]

    def ids_of(self, names: Sequence[str], t: int) -> Ints:
        """The ids of the names, in their order. Raises TickError for a name that none can be."""
        try:
            return self._known(names)
        except KeyError:
            with self._adding:  # a source may ask on a thread of its own
                for name in names:
                    if name not in self._ids:
                        self._add(name, t)
            return self._known(names)

    def _known(self, names: Sequence[str]) -> Ints:
        return np.fromiter(map(self._ids.__getitem__, names), np.int64, len(names))

    def _add(self, name: str, t: int) -> None:
        check_name(name)
        agent = NamedAgent(len(self._agents), name, t)
        self._agents.append(agent)
        self._ids[name] = agent.agent_id

    def settle(self) -> None:
        """Bring every id that was given to the disk. Raises StoreError."""
        if self._written == len(self._agents):
            return
        try:
            self._append()
        except OSError as error:
            raise StoreError(self._path, error) from error

    def hold(self) -> None:
        """As `settle`; and write the file again if it is gone, as a store may be removed under its market."""
        try:
            gone = self._bytes > 0 and _size(self._path) < self._bytes
        except OSError as error:
            raise StoreError(self._path, error) from error
        if gone:
            self._written = self._bytes = 0
        self.settle()

    def _append(self) -> None:
        """Write the agents that are not on disk. Raises OSError."""
        with FileIO(self._path, "a") as file:
            if os.fstat(file.fileno()).st_size < self._bytes:  # it is another file, of a store that was made again
                self._written = self._bytes = 0
            waiting = self._agents[self._written :]
            data = b"".join(agent.line() for agent in waiting)
            file.truncate(self._bytes)  # an attempt that failed may have left a part
            write_all(file, data)
            os.fsync(file.fileno())
        if not self._bytes:
            sync_directory(self._path.parent)
        self._written += len(waiting)
        self._bytes += len(data)


def _size(path: Path) -> int:
    """The size of a file, 0 if there is none. Raises OSError."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
