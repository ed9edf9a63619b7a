"""Listing: the segments in a directory, oldest or newest first, and an identifier of the directory's state."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from recorder.segment.layout import SegmentName, pending_name, segment_files

#: A directory that changed within this time may change again without another time of change: file systems count in
#: ticks of some milliseconds, some in seconds. Its listing is not cached.
_SETTLED_NS = 2_000_000_000

#: (first t, byte offset) of frames in a segment, in order.
SeekPoints = Sequence[Sequence[int]]


class Copy(Protocol):
    """The copy of a segment elsewhere, which may be compressed otherwise: its own seek points and SHA-256."""

    @property
    def points(self) -> SeekPoints: ...

    @property
    def sha256(self) -> str:
        """ "" while it is not finished."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the whole segment is in it; else it reaches as far as the segment had come."""
        ...

    @property
    def changed_at(self) -> float:
        """When the segment was sealed, or opened, in Unix seconds."""
        ...

    def open(self) -> BinaryIO | None:
        """The copy as a file, which raises OSError while it is read; None if it is not there. Raises OSError."""
        ...


class Found(NamedTuple):
    """A segment, and what is known of it besides its name; `copy` is read where no file is.

    `absence` is the reason of the gap where neither is.
    """

    name: SegmentName
    points: SeekPoints | None = None
    span: tuple[int, int] | None = None
    sha256: str = ""
    copy: Copy | None = None
    absence: str = "expired"


class Finder(Protocol):
    """Finds the segments of one kind; order is by first t, then by opening. Raises OSError."""

    def from_t(self, t: int) -> Iterator[Found]:
        """The last one that begins at `t` or before, if any, and all after it."""
        ...

    def newest_first(self) -> Iterator[Found]: ...

    def moved(self, here: Found) -> Found | None:
        """A segment whose file is not there, if it has come to lie elsewhere since it was found."""
        ...


class Directory:
    """Finds the segments in the directory of one kind by their names alone, without a database.

    A listing takes time in proportion to the number of files, and is cached as long as the directory does not change.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def from_t(self, t: int) -> Iterator[Found]:
        names = names_in(self._path)
        begin = max(0, bisect_right(names, t, key=lambda name: name.start_t) - 1)
        return (Found(names[index]) for index in range(begin, len(names)))

    def newest_first(self) -> Iterator[Found]:
        return map(Found, reversed(names_in(self._path)))

    def moved(self, here: Found) -> Found | None:
        return None


def lies_in(directory: Path, name: str) -> bool:
    """Whether the segment of this final name lies in the directory of its kind, open or sealed."""
    return any((directory / file).exists() for file in (pending_name(name), name))


class _Listing(NamedTuple):
    changed_ns: int
    names: tuple[SegmentName, ...]


#: Of each directory the newest listing.
_kept: dict[Path, _Listing] = {}


def names_in(directory: Path) -> tuple[SegmentName, ...]:
    """The segments of a kind's directory by first t, then by opening; none without a directory. Raises OSError."""
    try:
        changed_ns = directory.stat().st_mtime_ns
    except FileNotFoundError:
        return ()
    known = _kept.get(directory)
    if known is not None and known.changed_ns == changed_ns:
        return known.names
    is_settled = time.time_ns() - changed_ns > _SETTLED_NS
    names = tuple(segment_files(directory.parent, directory.name))
    if is_settled:
        _kept[directory] = _Listing(changed_ns, names)
    return names


#: The states (`state_of`) of a directory before and after a file in it got its name.
DirectoryChange = tuple[str, str]


def state_of(directory: Path) -> str:
    """A text that differs for each state of a directory; "" if it is not there. Raises OSError.

    Every file that is added, removed or renamed changes it, and a copy of the directory has its own state.
    """
    try:
        status = directory.stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_ino}:{status.st_ctime_ns}"
