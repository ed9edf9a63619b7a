"""The lock of a market's store: one writer on this host, decided at once and without a database."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from recorder.errors import RecorderError, StoreError


class MarketHeld(RecorderError):
    """Another process writes this market."""

    def __init__(self, symbol: str, holder: str) -> None:
        super().__init__(f"the market {symbol} is held by {holder}")


class StoreLock:
    """Holds `<directory>/writer.lock` until `release` or the end of the process, whatever ends it."""

    def __init__(self, directory: Path, symbol: str, holder: str) -> None:
        """Take the lock and note `holder` in the file. Raises MarketHeld, StoreError."""
        path = directory / "writer.lock"
        try:
            # Opened for appending: who loses must not wipe out the name of who holds it.
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise StoreError(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            known = (self._file.read(500) or b"").decode(errors="replace").strip() or "another process"
            self._file.close()
            raise MarketHeld(symbol, known) from None
        except OSError as error:
            self._file.close()
            raise StoreError(path, error) from error
        try:
            os.ftruncate(self._file.fileno(), 0)
            self._file.write(holder.encode())
        except OSError as error:
            self._file.close()
            raise StoreError(path, error) from error
        self._path = path

    @property
    def stands(self) -> bool:
        """Whether the file that is locked is still the one that others would try to lock."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def release(self) -> None:
        """Let the next writer in."""
        self._file.close()


def is_held(directory: Path) -> bool:
    """Whether a process writes this store now. Raises OSError."""
    try:
        file = (directory / "writer.lock").open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
