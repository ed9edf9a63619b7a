"""The lock of a market's store: one writer on this host, decided immediately and without a database."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from random import uniform
from typing import IO

from recorder.errors import RecorderError, StoreError
from runtime.forked import keep_from_children

#: A check whether a store is held shares its lock for a few microseconds. A writer that starts then tries again, within
#: two seconds or more. The pauses differ, because two writers that try also obstruct each other.
_TRIES = 1000
_PAUSE_SECONDS = 0.002


class MarketHeld(RecorderError):
    """Another process writes this market."""

    def __init__(self, symbol: str, holder: str) -> None:
        super().__init__(f"the market {symbol} is held by {holder}")


class StoreLock:
    """Holds `<directory>/writer.lock` until `release` or the end of the process, whatever ends it.

    Processes that it forks hold nothing.
    """

    def __init__(self, directory: Path, symbol: str, holder: str) -> None:
        """Take the lock and note `holder` in the file. Raises MarketHeld, StoreError."""
        path = directory / "writer.lock"
        try:
            # Opened for appending: a process that loses must not erase the name of the holder.
            self._file = path.open("a+b", buffering=0)
            keep_from_children(self._file)
        except OSError as error:
            raise StoreError(path, error) from error
        try:
            if not _take(self._file):
                raise MarketHeld(symbol, self._named())
            os.ftruncate(self._file.fileno(), 0)
            self._file.write(holder.encode())
        except MarketHeld:
            self._file.close()
            raise
        except OSError as error:
            self._file.close()
            raise StoreError(path, error) from error
        self._path = path

    def _named(self) -> str:
        self._file.seek(0)
        return (self._file.read(500) or b"").decode(errors="replace").strip() or "another process"

    @property
    def stands(self) -> bool:
        """Whether the locked file is still the one that other processes would try to lock."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def release(self) -> None:
        """Release the store to the next writer."""
        self._file.close()


def _take(file: IO[bytes]) -> bool:
    """Lock the file; returns whether that succeeded and no writer has it. Raises OSError."""
    for _ in range(_TRIES):
        if _locks(file, fcntl.LOCK_EX):
            return True
        if not _locks(file, fcntl.LOCK_SH):
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(uniform(0, 2 * _PAUSE_SECONDS))
    return False


def _locks(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(directory: Path) -> bool:
    """Whether a process writes this store now; the check keeps no writer out. Raises OSError."""
    try:
        file = (directory / "writer.lock").open("rb")
    except FileNotFoundError:
        return False
    with file:
        return not _locks(file, fcntl.LOCK_SH)
