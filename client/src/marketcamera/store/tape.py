"""The tape: the messages of one kind in a recording's segments, with a gap for whatever is missing among them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise
from typing import BinaryIO

from marketcamera.decoding import MOST_TEXT_BYTES, loads, zstandard_module
from marketcamera.errors import BadMessage
from marketcamera.store.segments import Segment, Segments
from marketcamera.stream.messages import Gap, Kind, Received, gap_of, message_of
from marketcamera.tape.zstd_frames import MAGIC, end_of_frame, texts, whole_frames

_SEARCH_BYTES = 1 << 20

#: A line, or None where some cannot be read.
MaybeLine = bytes | None


def messages(source: Segments, kind: Kind, t0: int, t1: int | None) -> Iterator[Received]:
    """The messages of a kind with t0 <= t <= t1 (None: to the end), by t. Holds one zstd frame at a time.

    Raises OSError, HistoryUnavailable, MarketCameraError without zstandard.
    """
    tape = _Tape(source, kind, t0)
    for here, behind in pairwise(chain(source.of(tape.name, t0), (None,))):
        assert here is not None
        for message in tape.of_segment(here, behind):
            first_t = message.from_t if isinstance(message, Gap) else message.t
            if t1 is not None and first_t > t1:
                return
            yield _up_to(message, t1)
        # The first segment behind t1 is read as well: it may begin with a gap that reaches back.
        if t1 is not None and here.start_t > t1:
            return


def last_t(source: Segments, kind: Kind) -> int | None:
    """The t of the newest message of a kind; None without one. Raises like `messages`."""
    for segment in source.newest(f"{kind}s"):
        found = _Tape(source, kind, segment.start_t).of_segment(segment, None)
        if newest := [one.t for one in found if not isinstance(one, Gap)][-1:]:
            return newest[0]
    return None


def _up_to(message: Received, t1: int | None) -> Received:
    if t1 is None or not isinstance(message, Gap):
        return message
    return replace(message, to_t=min(message.to_t, t1))


class _Tape:
    """Reads segments in their order. `next_t` is behind everything that was given or told as missing."""

    def __init__(self, source: Segments, kind: Kind, t0: int) -> None:
        self.name, self.next_t = f"{kind}s", t0
        self._source, self._kind = source, kind

    def of_segment(self, here: Segment, behind: Segment | None) -> Iterator[Received]:
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
                    return 0 if found is None else found.from_t if isinstance(found, Gap) else found.t
        except zstandard_module().ZstdError:
            pass  # whoever reads it will tell
        return 0

    def _read(self, line: bytes) -> Received | None:
        """The message in a line; None for what is none of this tape."""
        try:
            data = loads(line)
            if data["type"] == "gap":
                return gap_of({**data, "kind": self._kind})
            return message_of(data, self._source.prices) if data["type"] == self._kind else None
        except (BadMessage, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _take(self, found: Received, why: str) -> Iterator[Received]:
        """What a line gives: itself, and before it a gap where ticks, or lines that cannot be read, are missing."""
        first_t, last_t = (found.from_t, found.to_t) if isinstance(found, Gap) else (found.t, found.t)
        if last_t < self.next_t:
            return
        if first_t > self.next_t and (self._kind == "tick" or why == "damaged"):
            yield from self._missing(first_t - 1, why)
        if isinstance(found, Gap):
            yield Gap(self._kind, max(first_t, self.next_t), last_t, found.reason)
        else:
            yield found
        self.next_t = last_t + 1

    def _missing(self, to_t: int | None, why: str) -> Iterator[Gap]:
        if to_t is not None and to_t >= self.next_t:
            yield Gap(self._kind, self.next_t, to_t, why)
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
