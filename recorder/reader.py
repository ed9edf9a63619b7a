"""Reading a recording: any range of t of one kind, line by line, from the frame in which it begins."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson
import zstandard

from recorder.format import GAP_START, SegmentName, segment_files
from recorder.frames import frame_starts

_READ_BYTES = 64 * 1024
_TEXT_BYTES = 128 * 1024

#: How every message of ours begins; lines of another writer are parsed whole.
_BEGINNING = re.compile(rb'\{"type":"(?:tick|metric|frame)","t":([0-9]{1,18})[,}]')

#: (first t, byte offset) of frames in a segment, in order.
SeekPoints = Sequence[Sequence[int]]


class Line(NamedTuple):
    """One line of a tape: the span of t it speaks of (one t, unless it is a gap) and its text without newline."""

    first_t: int
    last_t: int
    text: bytes

    @property
    def is_gap(self) -> bool:
        return self.text.startswith(GAP_START)


def read(
    directory: Path,
    kind: str,
    after_t: int,
    to_t: int | None = None,
    *,
    points_of: Callable[[str], SeekPoints | None] = lambda name: None,
) -> Iterator[Line]:
    """The lines of a kind with after_t < t <= to_t (or to the end of what is on disk), in order.

    `directory` is the market's. A segment is found by its name alone, whatever database there is; `points_of(name)`
    gives a segment's seek points where they are known, else they are looked up in the file. A segment that is removed
    meanwhile is left out. Holds one piece of one frame at a time. Raises OSError where the disk fails.
    """
    names = _names(directory / kind)
    begin = max(0, bisect_right(names, after_t + 1, key=lambda name: name.start_t) - 1)
    for name in names[begin:]:
        if to_t is not None and name.start_t > to_t:
            return
        with _open(directory / kind, name) as file:
            if file is None:
                continue
            if name.start_t <= after_t:
                file.seek(_offset(file, points_of(name.lasting), after_t))
            for line in parsed(file):
                if line.last_t <= after_t:
                    continue
                if to_t is not None and line.first_t > to_t:
                    return
                yield line


def last_line(directory: Path, kind: str) -> Line | None:
    """The newest message of a kind, gaps not counted; None when there is none."""
    for name in reversed(_names(directory / kind)):
        with _open(directory / kind, name) as file:
            for start in reversed(list(frame_starts(file)) if file else []):
                assert file is not None
                file.seek(start)
                found = None
                for line in parsed(file):
                    found = found if line.is_gap else line
                if found is not None:
                    return found
    return None


def first_t(directory: Path, kind: str) -> int | None:
    """The t with which the oldest segment of a kind begins."""
    names = _names(directory / kind)
    return names[0].start_t if names else None


def _names(directory: Path) -> tuple[SegmentName, ...]:
    try:
        changed = directory.stat().st_mtime_ns
    except FileNotFoundError:
        return ()
    return _listed(directory, changed)


@lru_cache(maxsize=64)
def _listed(directory: Path, changed: int) -> tuple[SegmentName, ...]:
    """The segments of a directory by start; every new, renamed or removed file changes its time."""
    names = segment_files(directory.parent, directory.name)
    return tuple(sorted(names, key=lambda name: (name.start_t, name.opened_at)))


@contextmanager
def _open(directory: Path, name: SegmentName) -> Iterator[BinaryIO | None]:
    """The segment's file, sealed meanwhile or not; None if it is gone."""
    for file_name in (name.file, name.lasting):
        try:
            file = (directory / file_name).open("rb")
        except FileNotFoundError:
            continue
        with file:
            yield file
        return
    yield None


def _offset(file: BinaryIO, points: SeekPoints | None, after_t: int) -> int:
    """Where the frame begins that holds the first t after `after_t`."""
    if not points:
        points = _walk(file)
    at = bisect_right(points, after_t, key=lambda point: point[0]) - 1
    return points[at][1] if at >= 0 else 0


def _walk(file: BinaryIO) -> list[tuple[int, int]]:
    """The seek points as the file itself tells them."""
    points = []
    for start in list(frame_starts(file)):
        file.seek(start)
        first = next(parsed(file), None)
        if first is not None:
            points.append((first.first_t, start))
    return points


def parsed(file: BinaryIO) -> Iterator[Line]:
    """The whole lines from where the file stands to its end; an unfinished last one belongs to its writer."""
    for text in lines_of(file):
        found = _BEGINNING.match(text)
        if found:
            t = int(found[1])
            yield Line(t, t, text)
            continue
        message = orjson.loads(text)
        yield Line(message.get("from_t", message.get("t")), message.get("to_t", message.get("t")), text)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The whole lines from where the file stands, a frame's beginning, as far as they are on disk."""
    reader = zstandard.ZstdDecompressor().stream_reader(
        file, read_size=_READ_BYTES, read_across_frames=True, closefd=False
    )
    rest = b""
    while piece := reader.read(_TEXT_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
