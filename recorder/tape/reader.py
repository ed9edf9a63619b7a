"""Reads a recording: any range of t of one kind, line by line, from the frame in which it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

from recorder.segment.checked_lines import Damage, Line, checked
from recorder.segment.layout import SegmentName, gap_line
from recorder.segment.listing import Directory, Finder, Found
from recorder.segment.segment_lines import Opened, lines_of, opened
from recorder.segment.zstd_frames import frame_starts
from recorder.tape.damaged_files import damages


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

    `directory` is the market's. `finder` finds its segments, by default by their names alone, without a database.
    `on_open` is called after each file was opened, or failed to open, before anything is read from it. Only lines that
    are known to be what was written are returned (`recorder.segment.checked_lines`). A gap line, `damaged`, `expired`
    or `elsewhere`, announces what is left out or gone with a file, as far as files and finder know it. Holds one frame
    at a time. Raises OSError if the disk fails, or the place where copies are.
    """
    told_t, finder = after_t, finder or Directory(directory / kind)
    found = finder.from_t(after_t + 1)
    for here, behind in pairwise(chain(found, (None,))):
        assert here is not None
        parts = _parts(directory / kind, here, behind, after_t, on_open, finder.moved)
        for line in told(kind, parts, told_t, partial(_end_of, here, behind, told_t)):
            if to_t is not None and line.first_t > to_t:
                return
            told_t = max(told_t, line.last_t)
            yield line
        # The first segment after to_t was read as well: it may begin with a gap that reaches back.
        if to_t is not None and here.name.start_t > to_t:
            return


def texts_of(segment: Opened, kind: str, here: Found) -> Iterator[bytes]:
    """All lines of one segment, with a gap line where some cannot be read. Raises OSError."""
    before_t = here.name.start_t - 1
    for line in told(kind, _noted(segment, kind, here, None, -1), before_t, partial(_end_of, here, None, before_t)):
        yield line.text


def told(kind: str, parts: Iterable[Line | str], told_t: int, end_of: Callable[[int], int]) -> Iterator[Line]:
    """The lines of a segment, and a gap line for each reason among them.

    `told_t` is the last t covered before it, and `end_of` returns the last t of the segment from the last t of its
    lines.
    """
    lost = ""
    for one in parts:
        if isinstance(one, str):
            lost = lost or one
            continue
        if lost and told_t + 1 < one.first_t:
            yield _gap(kind, told_t + 1, one.first_t - 1, lost)
        told_t, lost = max(told_t, one.last_t), ""
        yield one
    if lost and (end_t := end_of(told_t)) > told_t:
        yield _gap(kind, told_t + 1, end_t, lost)


def _parts(
    directory: Path,
    here: Found,
    behind: Found | None,
    after_t: int,
    on_open: Callable[[], None],
    moved: Callable[[Found], Found | None] = lambda here: None,
) -> Iterator[Line | str]:
    """The lines of a segment after `after_t`, and the reason of a gap if some of it cannot be read."""
    before_t = None if behind is None or behind.name.start_t == here.name.start_t else behind.name.start_t
    with opened(directory, here) as segment:
        on_open()
        if segment is None:
            there = moved(here)
            yield from [here.absence] if there is None else _parts(directory, there, behind, after_t, on_open)
            return
        try:
            for one in _noted(segment, directory.name, here, before_t, after_t):
                if isinstance(one, str) or one.last_t > after_t:
                    yield one
            if here.sha256 and not segment.finished:  # sealed since, and what is missing is on its way
                yield here.absence
        except FileNotFoundError:  # the copy is gone
            yield "expired"


def _noted(segment: Opened, kind: str, here: Found, before_t: int | None, after_t: int) -> Iterator[Line | str]:
    for one in lines_of(segment, kind, here, before_t, after_t):
        if isinstance(one, Damage):
            damages.note(segment.path, segment.status, str(one.why))
            yield "damaged"
        else:
            yield one


def _end_of(here: Found, behind: Found | None, begun_t: int, told_t: int) -> int:
    """The last t of a segment that cannot be read to its end, as far as it is known."""
    if here.span is not None:
        return here.span[1]
    if behind is not None:
        return behind.name.start_t - 1
    # It held the t in its name, and after the part that was read at least one line.
    return max(here.name.start_t, told_t + 1 if told_t > begun_t else -1)


def _gap(kind: str, from_t: int, to_t: int, reason: str) -> Line:
    return Line(from_t, to_t, gap_line(kind, from_t, to_t, reason))


def last_line(directory: Path, kind: str, finder: Finder | None = None) -> Line | None:
    """The newest message of a kind, gaps not counted; None when there is none."""
    for lines in _newest_first(directory, kind, finder):
        if messages := [line for line in lines if not line.is_gap]:
            return messages[-1]
    return None


def told_to(directory: Path, kind: str = "ticks", finder: Finder | None = None) -> int | None:
    """The last t in the files of a kind, gaps included; None if there is none. Raises OSError."""
    return next((max(line.last_t for line in lines) for lines in _newest_first(directory, kind, finder) if lines), None)


def _newest_first(directory: Path, kind: str, finder: Finder | None) -> Iterator[list[Line]]:
    """The lines of each frame and of the readable ones after it, from the end of the recording backwards."""
    for here in (finder or Directory(directory / kind)).newest_first():
        with opened(directory / kind, here) as segment, suppress(FileNotFoundError):  # a copy that is gone
            if segment is None or segment.file is None:
                continue
            for start in _starts_backwards(segment, segment.file, here):
                lines = checked(segment.file, kind, start, finished=segment.finished)
                yield [line for line in lines if isinstance(line, Line) and _belongs(line, here.name)]


def _starts_backwards(segment: Opened, file: BinaryIO, here: Found) -> list[int]:
    """Where frames begin, the last one first: of a copy by what is known of it, since finding them reads all of it."""
    if segment.status is None and here.copy is not None:
        return [offset for _, offset in reversed(here.copy.points)]
    return list(frame_starts(file))[::-1]


def _belongs(line: Line, name: SegmentName) -> bool:
    return line.is_gap or line.first_t >= name.start_t


def first_t(directory: Path, kind: str, finder: Finder | None = None) -> int | None:
    """The first t of the oldest segment of a kind."""
    oldest = next((finder or Directory(directory / kind)).from_t(-1), None)
    return None if oldest is None else oldest.name.start_t
