"""Reading a recording: any range of t of one kind, line by line, from the frame in which it begins."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson
import zstandard

from recorder.errors import DamagedFrame, DamagedLine
from recorder.format import GAP_START, SegmentName, gap_line
from recorder.frames import frame_starts, read_frame
from recorder.listing import Directory, Finder, Found, SeekPoints
from recorder.survey import good_lines

log = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
_TEXT_BYTES = 128 * 1024

#: How every message of ours begins; lines of another writer are parsed whole.
_BEGINNING = re.compile(rb'\{"type":"(?:tick|metric|frame)","t":([0-9]{1,18})[,}]')


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
    finder: Finder | None = None,
    on_open: Callable[[], None] = lambda: None,
) -> Iterator[Line]:
    """The lines of a kind with after_t < t <= to_t (or to the end of what is on disk), in order.

    `directory` is the market's. `finder` finds its segments, by default by their names alone, whatever database there
    is. `on_open` is called behind the opening of each file, or the failing of that, before anything is read from it. A
    segment that is removed meanwhile is left out. Where a file is damaged, reading goes on with the next frame, and a
    gap line tells of what lies between. Holds one piece of one frame at a time. Raises OSError where the disk fails.
    """
    told_t, damaged = after_t, False
    found = (finder or Directory(directory / kind)).from_t(after_t + 1)
    for line in _from_frame(directory / kind, found, after_t, to_t, on_open):
        if line is None:
            damaged = True
            continue
        if line.last_t <= after_t:
            continue
        if damaged and told_t + 1 < line.first_t:
            yield _loss(kind, told_t + 1, line.first_t - 1)
        if to_t is not None and line.first_t > to_t:
            return
        told_t, damaged = line.last_t, False
        yield line


def _from_frame(
    directory: Path, found: Iterator[Found], after_t: int, to_t: int | None, on_open: Callable[[], None]
) -> Iterator[Line | None]:
    """Lines from the frame on that holds the first t after `after_t`; None where something cannot be read."""
    for name, known_points in found:
        with _open(directory, name) as file:
            on_open()
            if file is not None:
                points = partial(_points, file, known_points)
                start = _offset(points(), after_t) if name.start_t <= after_t else 0
                yield from _undamaged(file, start, points)
        # The first segment behind to_t was looked into as well: it may begin with a gap that reaches back.
        if to_t is not None and name.start_t > to_t:
            return


def _points(file: BinaryIO, known: SeekPoints | None) -> SeekPoints:
    return known or _walk(file)


def _undamaged(file: BinaryIO, start: int, points: Callable[[], SeekPoints]) -> Iterator[Line | None]:
    """The lines from a frame on; None where some cannot be read."""
    seen_t = -1
    file.seek(start)
    try:
        for line in parsed(file):
            seen_t = line.last_t
            yield line
    except (zstandard.ZstdError, DamagedLine) as error:
        log.warning("%s is damaged in or behind its frame at byte %d: %s", file.name, start, error)
        # What was decoded together with the damage was not given: each frame is read again alone. Those behind a
        # header that is damaged are known from the points only.
        found = False
        for offset in sorted({*frame_starts(file), *(offset for _, offset in points())}):
            if offset >= start:
                for one in _alone(file, offset):
                    found = found or one is None
                    if one is None or one.last_t > seen_t:
                        yield one
        if not found:
            yield None  # behind the last frame that can be found


def _alone(file: BinaryIO, offset: int) -> Iterator[Line | None]:
    """The lines of one frame, as far as they are good; None behind them if it is damaged."""
    try:
        frame = read_frame(file, offset)
    except DamagedFrame:
        yield None
        return
    good = good_lines(frame.text)
    for text in good.split(b"\n")[:-1]:
        yield _line(text)
    if frame.end is None or good != frame.text:
        yield None


def _loss(kind: str, from_t: int, to_t: int) -> Line:
    return Line(from_t, to_t, gap_line(kind, from_t, to_t, "lost"))


def last_line(directory: Path, kind: str, finder: Finder | None = None) -> Line | None:
    """The newest message of a kind, gaps not counted; None when there is none."""
    for name, _ in (finder or Directory(directory / kind)).newest_first():
        with _open(directory / kind, name) as file:
            for start in reversed(list(frame_starts(file)) if file else []):
                assert file is not None
                found = _last_message(file, start)
                if found is not None:
                    return found
    return None


def _last_message(file: BinaryIO, start: int) -> Line | None:
    """The last one in a frame and those behind it, as far as they can be read."""
    file.seek(start)
    found = None
    try:
        for line in parsed(file):
            found = found if line.is_gap else line
    except (zstandard.ZstdError, DamagedLine) as error:
        log.warning("%s is damaged in or behind its frame at byte %d: %s", file.name, start, error)
    return found


def first_t(directory: Path, kind: str, finder: Finder | None = None) -> int | None:
    """The t with which the oldest segment of a kind begins."""
    oldest = next((finder or Directory(directory / kind)).from_t(-1), None)
    return None if oldest is None else oldest.name.start_t


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


def _offset(points: SeekPoints, after_t: int) -> int:
    """Where the frame begins that holds the first t after `after_t`."""
    at = bisect_right(points, after_t, key=lambda point: point[0]) - 1
    return points[at][1] if at >= 0 else 0


def _walk(file: BinaryIO) -> list[tuple[int, int]]:
    """The seek points as the file itself tells them."""
    points = []
    for start in list(frame_starts(file)):
        first = _first_line(file, start)
        if first is not None:
            points.append((first.first_t, start))
    return points


def _first_line(file: BinaryIO, start: int) -> Line | None:
    file.seek(start)
    try:
        return next(parsed(file), None)
    except (zstandard.ZstdError, DamagedLine):  # in this frame, or in one that was decoded with it
        return next(_alone(file, start))


def parsed(file: BinaryIO) -> Iterator[Line]:
    """The whole lines from where the file stands to its end; an unfinished last one belongs to its writer.

    Raises DamagedLine, zstandard.ZstdError.
    """
    for text in lines_of(file):
        yield _line(text)


def _line(text: bytes) -> Line:
    """A message, a gap line, or either of another writer. Raises DamagedLine."""
    found = _BEGINNING.match(text)
    if found:
        t = int(found[1])
        return Line(t, t, text)
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise DamagedLine(text) from None
    if not isinstance(message, dict):
        raise DamagedLine(text)
    first, last = message.get("from_t", message.get("t")), message.get("to_t", message.get("t"))
    if type(first) is not int or type(last) is not int:
        raise DamagedLine(text)
    return Line(first, last, text)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The whole lines from where the file stands, a frame's beginning, as far as they are on disk."""
    reader = zstandard.ZstdDecompressor().stream_reader(
        file, read_size=_READ_BYTES, read_across_frames=True, closefd=False
    )
    rest = b""
    while piece := reader.read(_TEXT_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
