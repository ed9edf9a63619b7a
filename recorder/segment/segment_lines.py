"""The lines of one segment, from the frame of the first wanted line on, each compared with the file's place."""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from recorder.errors import Misplaced, NoFile
from recorder.segment.checked_lines import Damage, Line, checked, first_line
from recorder.segment.layout import pending_name
from recorder.segment.listing import Found, SeekPoints
from recorder.segment.segment_file import sha256_of
from recorder.segment.zstd_frames import frame_starts

_LARGEST_T = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Opened:
    """A segment; `file` is None if what is on disk is not a plain file.

    `status` is None if this is the copy of a segment that is not on disk: then `path` is where it would be.
    """

    path: Path
    status: os.stat_result | None
    file: BinaryIO | None
    finished: bool

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


def open_segment(directory: Path, here: Found) -> Opened | None:
    """The segment in the directory of its kind, sealed meanwhile or not, or else its copy; None if it is gone.

    Raises OSError.
    """
    for file_name in (here.name.file, here.name.lasting):
        path = directory / file_name
        try:
            # Opening a FIFO would wait for its writer.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            return Opened(path, status, os.fdopen(handle, "rb"), file_name == here.name.lasting)
        os.close(handle)
        return Opened(path, status, None, file_name == here.name.lasting)
    return copy_opened(directory, here)


def copy_opened(directory: Path, here: Found) -> Opened | None:
    """The copy of a segment that would be in a directory; None if it has none. Raises OSError."""
    file = None if here.copy is None else here.copy.open()
    if here.copy is None or file is None:
        return None
    name = here.name.lasting if here.copy.finished else pending_name(here.name.lasting)
    return Opened(directory / name, None, file, here.copy.finished)


def is_on_disk(directory: Path, here: Found) -> bool:
    """Whether the file of a segment is there, sealed meanwhile or not."""
    return any((directory / file).exists() for file in (here.name.file, here.name.lasting))


@contextmanager
def opened(directory: Path, here: Found) -> Iterator[Opened | None]:
    """The same as a context manager that closes the file."""
    segment = open_segment(directory, here)
    try:
        yield segment
    finally:
        if segment is not None:
            segment.close()


def lines_of(one: Opened, kind: str, here: Found, before_t: int | None, after_t: int = -1) -> Iterator[Line | Damage]:
    """The lines of a segment from the frame with the first t after `after_t` on, and a Damage where some are missing.

    `before_t` is the first t of the next segment, None if unknown. Raises OSError.
    """
    end_t = _LARGEST_T if before_t is None else before_t - 1
    first_t, last_t = _LARGEST_T, -1
    # The span of a segment that is being written may lag behind it, and a copy may lag behind the span.
    if here.span is not None and here.sha256 and one.finished:
        first_t, last_t = here.span
        end_t = min(end_t, last_t)
    seen_t, told_t, begun = -1, -1, False
    for found in _sought(one, kind, here, after_t):
        if isinstance(found, Line) and not found.is_gap:
            t = found.first_t
            if not max(here.name.start_t, seen_t + 1) <= t <= end_t:
                yield Damage(Misplaced(f"t={t} does not belong where it lies"))
                continue
            if not begun and t > max(first_t, after_t + 1):
                yield Damage(Misplaced(f"it begins with t={t}, not with t={first_t}"))
            seen_t = t
        if isinstance(found, Line):
            told_t = max(told_t, found.last_t)
        begun = True
        yield found
    if first_t <= last_t > max(told_t, after_t):
        yield Damage(Misplaced(f"it ends with t={seen_t}, not with t={last_t}"))


def _sought(one: Opened, kind: str, here: Found, after_t: int) -> Iterator[Line | Damage]:
    """The lines from the last frame on that begins with the first t after `after_t`, or before it.

    If another frame is there, the seek point is wrong, and the file is read from its beginning.
    """
    if one.file is None:
        yield Damage(NoFile())
        return
    points = here.points if one.status is not None or here.copy is None else here.copy.points
    lines = partial(checked, one.file, kind, finished=one.finished, vouch=partial(_is_known, one, here.sha256))
    start = 0
    if here.name.start_t <= after_t:
        start = _offset(points, after_t) if points else _found_offset(one.file, kind, after_t)
    if start:
        found = lines(start)
        first = next(found, None)
        if isinstance(first, Line) and first.first_t <= after_t + 1:
            yield from chain((first,), found)
            return
    yield from lines()


def _is_known(one: Opened, sha256: str) -> bool | None:
    if not sha256 or not one.finished or one.status is None:
        return None
    return _digest(one.path, one.status.st_ino, one.status.st_size, one.status.st_mtime_ns) == sha256


@lru_cache(maxsize=256)
def _digest(path: Path, *state: int) -> str:
    """Cached: every read of a file without checksums needs it, and a finished file does not change."""
    return sha256_of(path)


def _offset(points: SeekPoints, after_t: int) -> int:
    """Where the frame begins that holds the first t after `after_t`."""
    at = bisect_right(points, after_t, key=lambda point: point[0]) - 1
    return points[at][1] if at >= 0 else 0


def _found_offset(file: BinaryIO, kind: str, after_t: int) -> int:
    """The same, found in the file itself: of its frames a few are decoded, as far as their first line."""
    starts = list(frame_starts(file))
    found, low, high = 0, 1, len(starts)
    while low < high:
        middle = (low + high) // 2
        at, line = middle, first_line(file, kind, starts[middle])
        while line is None and at > low:  # one that cannot be read says nothing
            at -= 1
            line = first_line(file, kind, starts[at])
        if line is None or line.first_t <= after_t:
            found, low = starts[at] if line is not None else found, middle + 1
        else:
            high = at
    return found
