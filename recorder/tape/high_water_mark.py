"""The high-water mark: the highest t that may have been streamed, kept on disk beside the tapes."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from recorder.errors import StoreError
from recorder.segment.segment_file import sync_directory
from runtime.threads import running

log = logging.getLogger(__name__)

_NAME = "streamed_to"
_CONTENT = re.compile(rb"([0-9]{20}) ([0-9]{20}) ([!-~]{0,64})\n")
_LAST_T_AT = 21

#: The number of ticks by which the bound is ahead of the stream. It is moved when half of them are streamed. This
#: should take at least a second, for a disk to follow, and at most four, because a run after a power cut skips these
#: ticks.
_FIRST_AHEAD, _LEAST_AHEAD, _MOST_AHEAD = 16, 4, 1 << 16
_SOONEST_SECONDS, _LATEST_SECONDS = 1.0, 4.0


class Mark(NamedTuple):
    """The content of the file:

    `bound`, which is on the disk before the stream reaches it; `last_t`, the last streamed t, as known to the operating
    system; and `boot`, the id of the boot since which it knows, without blanks, "" for none.
    """

    bound: int
    last_t: int
    boot: str

    def streamed_to(self, boot: str) -> int:
        """The last t that may have been streamed, seen from this boot: a power cut loses what was not synced."""
        return self.last_t if boot and boot == self.boot else self.bound

    @property
    def is_open(self) -> bool:
        """Whether a market runs, or crashed."""
        return self.bound > self.last_t


NO_MARK = Mark(-1, -1, "")


def read_mark(directory: Path) -> Mark:
    """The mark of the market in `directory`. Raises OSError."""
    path = directory / _NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return NO_MARK
    found = _CONTENT.match(data)
    if found is None:
        log.warning("%s tells nothing: %r", path, data[:60])
        return NO_MARK
    return Mark(int(found[1]), int(found[2]), found[3].decode())


def raise_mark(directory: Path, t: int) -> None:
    """Make sure that the mark is at least at `t`, and synced. Raises StoreError."""
    path = directory / _NAME
    try:
        mark = read_mark(directory)
        if t > min(mark.bound, mark.last_t):
            os.close(_write(path, Mark(max(t, mark.bound), max(t, mark.last_t), mark.boot)))
            _sync(path)
    except OSError as error:
        raise StoreError(path, error) from error


class StreamMark:
    """Keeps the mark of a market that is streamed; `boot` is the id of this boot, `now` a monotonic clock in seconds.

    Clients are ahead of the tapes: by the data that waits to be flushed, and after a power cut by the data that never
    reached the disk. A run that continues exactly makes the same ticks again. Any other run begins after the mark, so
    that no t is used twice. Raises OSError if the mark cannot be read.
    """

    def __init__(self, directory: Path, boot: str, now: Callable[[], float]) -> None:
        self._path, self._boot, self._now = directory / _NAME, boot, now
        mark = read_mark(directory)
        self._found, self._bound = mark.streamed_to(boot), mark.bound
        self._file: int | None = None
        self._moved_at = 0.0
        self._thread = running(1, "stream mark")
        self._syncing: Future[None] | None = None
        self._synced = -1  # the bound that is on the disk
        self.ahead = _FIRST_AHEAD

    def cover(self, t: int) -> None:
        """The tick `t` is about to be streamed. Raises StoreError."""
        try:
            if self._file is None or t > self._bound - self.ahead // 2:
                self._move(t)
            elif t > self._found:
                os.pwrite(self._file, b"%020d" % t, _LAST_T_AT)
            while t > self._synced:  # the disk takes longer than half of the way to the bound
                self._begin_sync().result()
        except OSError as error:
            raise StoreError(self._path, error) from error

    def close(self, last_t: int) -> None:
        """The holder of the market streamed no tick after `last_t`. Raises StoreError."""
        if self._syncing is not None:
            self._syncing.result()
        # A previous holder may have streamed more, which this one did not make again.
        last_t = max(last_t, self._found)
        try:
            self._put(Mark(last_t, last_t, self._boot))
            _sync(self._path)
        except OSError as error:
            raise StoreError(self._path, error) from error
        finally:
            self.leave()

    def leave(self) -> None:
        """Close the file as it is: the market is another process's now."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _move(self, t: int) -> None:
        """Write the file by its name, in case it was removed meanwhile."""
        now, first = self._now(), self._file is None
        if not first:
            self._fit(now - self._moved_at)
        self._moved_at = now
        self._bound = max(self._bound, t + self.ahead)
        self._put(Mark(self._bound, max(t, self._found), self._boot))
        if first:
            _sync(self._path)
            self._synced = self._bound
        else:
            self._begin_sync()

    def _begin_sync(self) -> Future[None]:
        """The sync that is under way; of the present bound, if none is."""
        if self._syncing is None or self._syncing.done():
            self._syncing = self._thread.submit(self._sync, self._bound)
        return self._syncing

    def _fit(self, seconds: float) -> None:
        """Move the bound further or less far ahead, by the seconds between two moves."""
        if seconds < _SOONEST_SECONDS:
            self.ahead = min(self.ahead * 2, _MOST_AHEAD)
        elif seconds > _LATEST_SECONDS:
            self.ahead = max(self.ahead // 2, _LEAST_AHEAD)

    def _put(self, mark: Mark) -> None:
        self.leave()
        self._file = _write(self._path, mark)

    def _sync(self, bound: int) -> None:
        try:
            _sync(self._path)
        except OSError as error:
            log.warning("%s does not reach the disk: %s", self._path, error)  # the tapes will notice it themselves
        self._synced = bound


def _write(path: Path, mark: Mark) -> int:
    """Write the file and return it open.

    It is written in place, so that neither a kill nor a full disk leaves it torn.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(handle, b"%020d %020d %s\n" % (mark.bound, mark.last_t, mark.boot.encode()), 0)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_directory(path.parent)
