"""A segment's file on disk: appended to in whole pieces, cut back, and sealed under its final name."""

from __future__ import annotations

import errno
import hashlib
import os
from io import FileIO
from pathlib import Path

from recorder.segment.layout import SegmentName
from recorder.segment.listing import state_of

_READ_BYTES = 1 << 20


class SegmentFile:
    """The open `_pending` file of a segment; `bytes` is its size, all of it handed to the operating system.

    Every method may raise OSError. `bytes` and the digest count only pieces that were written whole. `directory_change`
    is the change of the directory when the file got its present name.
    """

    def __init__(self, directory: Path, name: SegmentName) -> None:
        """Creates the file, and `directory` where needed. Raises FileExistsError rather than reuse one."""
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / name.file
        self._final_path = directory / name.lasting
        self.bytes = 0
        self._digest = hashlib.sha256()
        self._is_doubted = False
        before = state_of(directory)
        self._file = FileIO(self.path, "x")
        self.directory_change = (before, state_of(directory))

    def append(self, data: bytes) -> None:
        """Writes the whole of `data`, in one system call unless the disk takes less.

        Not into a file that the market's next writer has sealed, while this process was suspended.
        """
        self._check_mine()
        write_all(self._file, data)
        self._digest.update(data)
        self.bytes += len(data)

    def cut_back(self) -> None:
        """Drops the rest of a failed append; the file again ends with its last whole piece. Not of a file that another
        writer has sealed."""
        self._check_mine()
        if self._file.closed:
            self._file = FileIO(self.path, "r+")
            self._is_doubted = True  # what could not be written meanwhile need not be told to who opens it anew
        self._file.truncate(self.bytes)
        self._file.seek(self.bytes)

    def seal(self) -> str:
        """fsync, rename, fsync directory; returns the SHA-256 of the file in hex.

        After a power cut at any point the whole file is there under one of its two names. May be called again after it
        failed.
        """
        self._sync()
        before = state_of(self.path.parent)
        os.rename(self.path, self._final_path)
        self.path = self._final_path
        self.directory_change = (before, state_of(self.path.parent))
        sync_directory(self.path.parent)
        self._file.close()
        return self._digest.hexdigest()

    def _check_mine(self) -> None:
        if self.path != self._final_path and self._final_path.exists():
            raise OSError(errno.ESTALE, "another process has sealed it")

    def _sync(self) -> None:
        """Syncs the file to the disk. Linux tells once that it could not write something, and counts it as written from
        then on: a sync after one that failed proves nothing, what is read back does."""
        try:
            os.fsync(self._file.fileno())
        except OSError:
            self._is_doubted = True
            raise
        if self._is_doubted:
            self._read_back()

    def _read_back(self) -> None:
        if hasattr(os, "posix_fadvise"):  # from the disk: the kernel's copy has also what could not be written
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if sha256_of(self.path) != self._digest.hexdigest():
            raise OSError(errno.EIO, "not what was written is read back")

    def close(self) -> None:
        """Closes the file as it is; cut_back opens it again."""
        self._file.close()

    def remove(self) -> None:
        """Deletes the file, which holds nothing."""
        self._file.close()
        before = state_of(self.path.parent)
        self.path.unlink(missing_ok=True)
        self.directory_change = (before, state_of(self.path.parent))


def write_all(file: FileIO, data: bytes) -> None:
    """Writes `data` to its last byte. Raises OSError.

    A disk that fills up accepts a part first, and reports the reason only for the next write, so the rest is written
    until it is accepted or refused.
    """
    written = file.write(data)
    while written < len(data):
        more = file.write(memoryview(data)[written:])
        if not more:
            raise OSError(errno.EIO, f"only {written} of {len(data)} bytes were taken")
        written += more


def sync_directory(directory: Path) -> None:
    """Syncs the names in `directory` to the disk. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()
