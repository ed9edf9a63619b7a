"""Damaged files: the segments that this process could not read as they were written."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

#: What tells a file from one that was put in its place; None where there is no file.
_State = tuple[int, ...] | None

#: With more than this many, the oldest are forgotten; they are found again when they are read.
_MOST_KEPT = 1000


class Damaged(NamedTuple):
    """A file and what is wrong with it."""

    path: Path
    why: str


class Damages:
    """The damaged files found so far; may be used from any thread.

    A file that was changed, replaced or removed since is no longer in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Path, tuple[_State, str]] = {}

    def note(self, path: Path, status: os.stat_result | None, why: str) -> None:
        """Note that the file with this status is damaged, or the copy of one that is not on disk.

        Reading it again reports nothing new.
        """
        state = None if status is None else _state_of(status)
        with self._lock:
            if path in self._found and self._found[path][0] == state:
                return
            self._found[path] = (state, why)
            while len(self._found) > _MOST_KEPT:
                del self._found[next(iter(self._found))]
        log.error("%s is damaged, and what cannot be read is told as a gap: %s", path, why)

    def below(self, directory: Path) -> list[Damaged]:
        """The damaged files of a market's directory that have not changed since, at the cost of one stat each."""
        with self._lock:
            found = [(path, *facts) for path, facts in self._found.items() if path.parent.parent == directory]
        there = []
        for path, state, why in found:
            if _state_now(path) == state:
                there.append(Damaged(path, why))
            else:
                self._forget(path, state)
        return there

    def _forget(self, path: Path, state: _State) -> None:
        with self._lock:
            if path in self._found and self._found[path][0] == state:
                del self._found[path]


def _state_of(status: os.stat_result) -> _State:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _state_now(path: Path) -> _State:
    try:
        return _state_of(path.stat())
    except OSError:
        return None  # gone, or unreachable: the next read notes it again


#: The damaged files known to this process.
damages = Damages()
