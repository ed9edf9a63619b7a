"""The tape: the messages of one kind in a recording's segments, with a gap for whatever is missing among them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import BinaryIO, NamedTuple

from marketcamera.decoding import MOST_TEXT_BYTES, dumps, loads, zstandard_module
from marketcamera.errors import BadMessage
from marketcamera.store.segments import Segment, Segments
from marketcamera.stream.messages import Gap, Kind, Received, gap_of, message_of
from marketcamera.tape.zstd_frames import MAGIC, end_of_frame, texts, whole_frames

_SEARCH_BYTES = 1 << 20

#: A line, or None where some cannot be read.
MaybeLine = bytes | None


class Record(NamedTuple):
    """A message, by its t twice and its line; without a line, all with first_t <= t <= last_t are missing."""

    first_t: int
    last_t: int
    line: bytes | None
    reason: str = ""


def messages(source: Segments, kind: Kind, t0: int, t1: int | None) -> Iterator[Received]:
    """The messages of a kind with t0 <= t <= t1 (None: to the end), by t, as objects. Raises like `records`."""
    prices = source.prices
    for record in records(source, kind, t0, t1):
        if record.line is None:
            yield Gap(kind, record.first_t, record.last_t, record.reason)
        else:
            yield message_of(loads(record.line), prices)


def lines(source: Segments, kind: Kind, t0: int, t1: int | None) -> Iterator[bytes]:
    """The same as JSON lines, as they were recorded, with a gap line for what is missing. Raises like `records`."""
    for first_t, last_t, line, reason in records(source, kind, t0, t1):
        yield line or dumps({"type": "gap", "kind": f"{kind}s", "from_t": first_t, "to_t": last_t, "reason": reason})


def records(source: Segments, kind: Kind, t0: int, t1: int | None) -> Iterator[Record]:
    """What a tape holds of t0 <= t <= t1, by t. Holds one zstd frame at a time.

    Raises OSError, HistoryUnavailable, BadMessage, MarketCameraError without zstandard.
    """
    tape = _Tape(source, kind, t0)
    for here, behind in pairwise(chain(source.of(tape.name, t0), (None,))):
        assert here is not None
        for record in tape.of_segment(here, behind):
            if t1 is not None and record.first_t > t1:
                return
            yield record if t1 is None or record.last_t <= t1 else record._replace(last_t=t1)
        # The first segment behind t1 is read as well: it may begin with a gap that reaches back.
        if t1 is not None and here.start_t > t1:
            return


def last_t(source: Segments, kind: Kind) -> int | None:
    """The t of the newest message of a kind; None without one. Raises like `messages`."""
    for segment in source.newest(f"{kind}s"):
        found = _Tape(source, kind, segment.start_t).of_segment(segment, None)
        if there := [record.last_t for record in found if record.line is not None]:
            return there[-1]
    return None


class _Tape:
    """Reads segments in their order. `next_t` is behind everything that was given or told as missing."""

    def __init__(self, source: Segments, kind: Kind, t0: int) -> None:
        self.name, self.next_t = f"{kind}s", t0
        self._source, self._kind = source, kind
        #: How a message of ours begins; lines of other writers are parsed whole.
        self._beginning = re.compile(rb'\{"type":"%b","t":([0-9]{1,16})[,}]' % kind.encode())

    def of_segment(self, here: Segment, behind: Segment | None) -> Iterator[Record]:
        file = self._source.open(self.name, here)
        if file is None:
            yield from self._missing(_end_of(here, behind), "expired")
            return
        damaged = False
        with file:
            for line in segment_lines(file, self._begin(file, here), finished=not here.pending):
                found = None if line is None else self._read(line)
                if found is None:
                    damaged = True
                    continue
                yield from self._take(found, "damaged" if damaged else "expired")
                damaged = False
        if damaged:
            yield from self._missing(_end_of(here, behind), "damaged")

    def _begin(self, file: BinaryIO, here: Segment) -> int:
        """The offset of the frame from which to read."""
        if self.next_t <= here.start_t:
            return 0
        start = self._source.start_near(self.name, here, self.next_t)
        frames = [begin for begin, _ in whole_frames(file, start)]
        place = bisect_right(frames, self.next_t, key=lambda begin: self._first_t(file, begin))
        return frames[max(0, place - 1)] if frames else start

    def _first_t(self, file: BinaryIO, begin: int) -> int:
        """The t of a frame's first line, as a hint only; of a gap its first. 0 where it cannot be read."""
        head = b""
        try:
            for text in texts(file, begin, begin + _SEARCH_BYTES):
                head += text
                if b"\n" in head:
                    found = self._read(head.partition(b"\n")[0])
                    return 0 if found is None else found.first_t
        except zstandard_module().ZstdError:
            pass  # whoever reads it will tell
        return 0

    def _read(self, line: bytes) -> Record | None:
        """What a line is; None for none of this tape."""
        if (found := self._beginning.match(line)) is not None:
            t = int(found[1])
            return Record(t, t, line)
        try:
            data = loads(line)
            if data["type"] == "gap":
                gap = gap_of({**data, "kind": self._kind})
                return Record(gap.from_t, gap.to_t, None, gap.reason)
            if data["type"] == self._kind:
                t = message_of(data).t
                return Record(t, t, line)
        except (BadMessage, ValueError, KeyError, TypeError, RecursionError):
            pass
        return None

    def _take(self, found: Record, why: str) -> Iterator[Record]:
        """What a line gives: itself, and before it a gap where ticks, or lines that cannot be read, are missing."""
        if found.last_t < self.next_t:
            return
        if found.first_t > self.next_t and (self._kind == "tick" or why == "damaged"):
            yield from self._missing(found.first_t - 1, why)
        yield found if found.line is not None else found._replace(first_t=max(found.first_t, self.next_t))
        self.next_t = found.last_t + 1

    def _missing(self, to_t: int | None, why: str) -> Iterator[Record]:
        if to_t is not None and to_t >= self.next_t:
            yield Record(self.next_t, to_t, None, why)
            self.next_t = to_t + 1


def _end_of(here: Segment, behind: Segment | None) -> int | None:
    """The last t that a segment held, as far as it is known."""
    if here.end_t is not None and not here.pending:
        return here.end_t
    return here.start_t if behind is None else behind.start_t - 1


def segment_lines(file: BinaryIO, start: int, *, finished: bool) -> Iterator[MaybeLine]:
    """The lines of a segment from a frame on, each known to be what was written, and None where some are not.

    The frame at the end of a segment that is being written has no checksum yet: it is read as far as it has come.
    """
    size, at, rest = file.seek(0, 2), start, b""
    while at < size:
        end = end_of_frame(file, at)
        text = None if end is None else _whole_text(file, at, end)
        if text is not None and end is not None:
            *lines, rest = (rest + text).split(b"\n")
            yield from lines
            at = end
            continue
        following = _next_frame(file, at + 1, size)
        if following is None and not finished:
            yield from _torn_lines(file, at, size)
            return
        yield None
        rest, at = b"", size if following is None else following
    if rest.strip():
        yield rest  # whose writer ended without a newline


def _whole_text(file: BinaryIO, start: int, end: int) -> bytes | None:
    """The text of a frame; None where it is not what was written."""
    text = bytearray()
    try:
        for piece in texts(file, start, end):
            text += piece
            if len(text) > MOST_TEXT_BYTES:
                return None
    except zstandard_module().ZstdError:
        return None
    return bytes(text)


def _torn_lines(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """The whole lines of a frame that is being written."""
    rest = b""
    try:
        for piece in texts(file, start, size):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
    except zstandard_module().ZstdError:
        return


def _next_frame(file: BinaryIO, at: int, size: int) -> int | None:
    """Where the next whole frame begins, searched for by its first bytes; None where none does."""
    while at < size:
        file.seek(at)
        found = (block := file.read(_SEARCH_BYTES)).find(MAGIC)
        if found < 0:
            at += max(1, len(block) - len(MAGIC) + 1)
        elif end_of_frame(file, at + found) is not None:
            return at + found
        else:
            at += found + 1
    return None
