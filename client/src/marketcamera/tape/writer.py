"""The writer of a file of messages: whatever ends it, all but the last second is on disk and can be read."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection
from io import FileIO
from pathlib import Path
from types import TracebackType

from marketcamera.errors import MarketCameraError
from marketcamera.stream.messages import Kind
from marketcamera.tape.lines import positions
from marketcamera.tape.packing import packing_of
from marketcamera.tape.repair import repair
from marketcamera.tape.zstd_frames import FRAME_TEXT_BYTES

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ModuleNotFoundError:  # Windows: two writers of one file are not told apart there
    flock = None  # type: ignore[assignment]

_FLUSH_SECONDS = 1.0


class TapeWriter:
    """Appends lines to a file; one whose name ends in .zst holds them in zstd frames of a MiB of text.

    What an earlier writer left there is repaired first. Every second all lines taken are put on disk, decodable; no
    more than one frame is held in memory. When the disk refuses them, `on_failure` is called, on any thread; the file
    then ends with what was put on disk before, and `write` and leaving the context raise MarketCameraError.

    Raises MarketCameraError for a target that is no file, or is no recording, or is being written; OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._packing = packing_of(path)
        self._file = _opened(path)
        try:
            repair(path)
        except BaseException:
            self._file.close()
            raise
        self._size = path.stat().st_size
        self._lock = threading.Lock()
        self._failure: OSError | None = None
        self._ended = threading.Event()
        self.on_failure: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._flush_each_second, name="tape writer", daemon=True)

    def positions(self, kinds: Collection[Kind]) -> dict[Kind, int]:
        """The last t of each kind that the file holds; nothing where it holds no message. Raises MarketCameraError."""
        return positions(self._path, kinds)

    def write(self, line: bytes) -> None:
        """Take a line, without its end. Raises MarketCameraError."""
        with self._lock:
            self._raise_failure()
            if self._packing.text_bytes and self._packing.text_bytes + len(line) >= FRAME_TEXT_BYTES:
                self._put(self._packing.end())
            self._packing.add(line + b"\n")

    def __enter__(self) -> TapeWriter:
        if not self._size:
            self._put(self._packing.end())  # from its first byte on it is whole, should nothing come
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with self._file:
            if self._failure is None:
                self._put(self._packing.end())
            if self._failure is None:
                os.fsync(self._file.fileno())
        self._raise_failure()

    def _flush_each_second(self) -> None:
        while not self._ended.wait(_FLUSH_SECONDS):
            with self._lock:
                if self._failure is None:
                    self._put(self._packing.flush())

    def _put(self, data: bytes) -> None:
        """Write all of `data`, or nothing; a disk that is full takes a part first and says why when asked again."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._failure = error
            with contextlib.suppress(OSError):  # what cannot be cut off now, the next start cuts off
                self._file.truncate(self._size)
            self.on_failure()
        else:
            self._size += len(data)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            reason = self._failure.strerror or str(self._failure)
            raise MarketCameraError(f"{self._path}: {reason}; it ends with what was written before") from self._failure


def _opened(path: Path) -> FileIO:
    """The file, made if it is not there, for appending, and for this process alone."""
    if str(path) == "-":
        raise MarketCameraError("a recording needs a file; marketcamera tail prints to standard output")
    if path.exists() and not path.is_file():
        raise MarketCameraError(f"{path} is {'a directory' if path.is_dir() else 'no regular file'}")
    file = FileIO(path, "a")
    try:
        if flock is not None:
            flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        file.close()
        raise MarketCameraError(f"{path} is being written by another process") from None
    return file
