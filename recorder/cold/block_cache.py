"""The block cache: pieces of objects in a folder, bounded in bytes, shared by any number of processes."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import uuid
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

#: A frame of 74 agents has 150 to 400 kB: a seek fetches one or two blocks. At 50 KB/s one takes five seconds.
BLOCK_BYTES = 256 * 1024

#: A block's own digest lies behind it, so that a disk that forgets bits serves none of them.
_DIGEST_BYTES = 16

#: The folder is looked through each time so much was added, in parts of the whole; so it exceeds its bound by at most
#: that much for each process.
_ADDED_PART = 16
#: So much room is made at once, in parts of the whole.
_FREED_PART = 8


class BlockCache:
    """Blocks by the name of their content, which never changes; the least recently used go first. For any thread.

    Files get their names when they are whole, so a process that is killed leaves nothing that is taken for a block. A
    block that is not what was written is removed. A folder that cannot be written costs no reader anything but time:
    nothing is kept, and the log says so.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._lock = threading.Lock()
        self._added_bytes = most_bytes  # what others left is looked through at the first block
        self._is_failing = False

    def get(self, content: str, number: int) -> bytes | None:
        """A block of a content, None if it is not there as it was written."""
        path = self._path(content, number)
        try:
            kept = path.read_bytes()
            if _digest(kept[_DIGEST_BYTES:]) == kept[:_DIGEST_BYTES]:
                os.utime(path)
                return kept[_DIGEST_BYTES:]
            log.warning("%s is not what was written, it is fetched again", path)
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._tell(error)
        return None

    def put(self, content: str, number: int, block: bytes) -> None:
        """Keep a block, if the folder takes it."""
        path = self._path(content, number)
        coming = path.with_name(f"{uuid.uuid4().hex}.coming")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                coming.write_bytes(_digest(block) + block)
                coming.replace(path)
            except OSError:
                coming.unlink(missing_ok=True)
                raise
            self._make_room(len(block) + _DIGEST_BYTES)
            self._is_failing = False
        except OSError as error:
            self._tell(error)

    def forget(self, content: str, number: int) -> None:
        """Remove a block."""
        try:
            self._path(content, number).unlink(missing_ok=True)
        except OSError as error:
            self._tell(error)

    def _path(self, content: str, number: int) -> Path:
        return self._folder / content[:2] / f"{content}-{number}"

    def _make_room(self, added_bytes: int) -> None:
        """Remove what was not used for longest, if the folder may have grown too large. Raises OSError."""
        with self._lock:
            self._added_bytes += added_bytes
            if self._added_bytes < self._most_bytes // _ADDED_PART:
                return
            self._added_bytes = 0
        there = sorted(_files_in(self._folder))
        excess = sum(file.bytes for file in there) - self._most_bytes
        if excess <= 0:
            return
        excess += self._most_bytes // _FREED_PART
        for file in there:
            if excess <= 0:
                return
            file.path.unlink(missing_ok=True)  # another process may have done so
            excess -= file.bytes

    def _tell(self, error: OSError) -> None:
        if not self._is_failing:
            log.warning("blocks of the bucket are not kept in %s: %s", self._folder, error)
        self._is_failing = True


class _File(NamedTuple):
    """Sorted by when it was used last."""

    used_ns: int
    path: Path
    bytes: int


def _files_in(folder: Path) -> list[_File]:
    """Every file of the cache, what a killed process left unfinished among them. Raises OSError."""
    found = []
    for path in folder.glob("*/*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another process removed it
        found.append(_File(status.st_mtime_ns, path, status.st_size))
    return found


def _digest(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=_DIGEST_BYTES).digest()
