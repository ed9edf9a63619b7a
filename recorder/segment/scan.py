"""A scan of a segment's file: its zstd frames, its lines, their t, and where it is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from recorder.errors import DamagedFrame
from recorder.segment.layout import GAP_START, gap_line, parse_name
from recorder.segment.zstd_frames import LONGEST_LINE_BYTES, ZstdFrame, find_frame, read_frame


@dataclass(frozen=True, slots=True)
class Lines:
    """The totals of some whole lines; a t is None if no line has one.

    `first_t` is the first t in them, a gap's from_t included, and `last_t` the last, a gap's to_t included; `start_t`
    and `end_t` are of the first and last message.
    """

    lines: int = 0
    text_bytes: int = 0
    gaps: int = 0
    first_t: int | None = None
    start_t: int | None = None
    end_t: int | None = None
    last_t: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file that can be kept.

    Either bytes `start` to `end` of the file, unchanged: one frame that begins and ends with a line (`text` is None).
    Or `text`: whole lines that must be encoded in new frames. `open_frame` is the frame that contains exactly `text`,
    if that frame only lacks its end.
    """

    start: int
    end: int
    lines: Lines
    text: bytes | None = None
    open_frame: ZstdFrame | None = None


@dataclass(frozen=True, slots=True)
class DamagedPart:
    """A part of a file that cannot be kept: bytes that do not decode, and decoded text that is not a line.

    `torn`: the file only ends too early, as after a crash; otherwise something in it is not what was written.
    """

    undecoded_bytes: int
    half_line_bytes: int
    torn: bool
    fault: str

    @property
    def lost_bytes(self) -> int:
        """The lost bytes: 0 for a frame that only lacks its end, which is a fault without a loss."""
        return self.undecoded_bytes + self.half_line_bytes


@dataclass(frozen=True, slots=True)
class SegmentScan:
    """Everything found in a file of `size_bytes`, last written at `modified_at` (Unix seconds)."""

    parts: tuple[Piece | DamagedPart, ...]
    size_bytes: int
    modified_at: float

    @property
    def pieces(self) -> list[Piece]:
        """The parts that can be kept, in order, with a gap line where messages between them are missing."""
        return [part for part in self.parts if isinstance(part, Piece)]

    @property
    def losses(self) -> list[DamagedPart]:
        """The parts that cannot be kept, in order."""
        return [part for part in self.parts if isinstance(part, DamagedPart)]

    @property
    def lines(self) -> int:
        """The number of lines in the file, without the gap lines added for its damage."""
        return sum(piece.lines.lines for piece in self.pieces if piece.start < piece.end)

    @property
    def fault(self) -> str:
        """The faults of the file as text, "" if there are none."""
        return "; ".join(loss.fault for loss in self.losses) or ("" if self.parts else "the file is empty")

    @property
    def damaged(self) -> bool:
        """Whether the file has other faults than that it ends too early."""
        within = any(isinstance(part, DamagedPart) for part in self.parts[:-1])
        return within or any(not loss.torn for loss in self.losses)


def count_lines(text: bytes) -> Lines:
    """The totals of the lines of `text`, which ends with a newline. Lines without a t count as lines."""
    gaps = text.startswith(GAP_START) + text.count(b"\n" + GAP_START)
    if gaps:
        return _count_each(text.split(b"\n")[:-1], len(text), gaps)
    if not text:
        return Lines()
    first, last = text[: text.index(b"\n")], text[text.rfind(b"\n", 0, -1) + 1 : -1]
    start_t, end_t = _span(first)[0], _span(last)[1]
    return Lines(text.count(b"\n"), len(text), 0, start_t, start_t, end_t, end_t)


def _count_each(lines: list[bytes], text_bytes: int, gaps: int) -> Lines:
    spans = [(line.startswith(GAP_START), *_span(line)) for line in lines]
    messages = [first for is_gap, first, _ in spans if first is not None and not is_gap]
    lasts = [last for _, _, last in spans if last is not None]
    return Lines(
        lines=len(lines),
        text_bytes=text_bytes,
        gaps=gaps,
        first_t=next((first for _, first, _ in spans if first is not None), None),
        start_t=messages[0] if messages else None,
        end_t=messages[-1] if messages else None,
        last_t=max(lasts, default=None),
    )


def _span(line: bytes) -> tuple[int, int] | tuple[None, None]:
    """The first and last t of a line, or None twice for a line that is not an object with a t."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(message, dict):
        return None, None
    first, last = message.get("from_t", message.get("t")), message.get("to_t", message.get("t"))
    return (first, last) if type(first) is int and type(last) is int else (None, None)


def good_lines(text: bytes) -> bytes:
    """The messages at the beginning of `text`, whole lines; for text without a checksum."""
    end = 0
    while (newline := text.find(b"\n", end)) >= 0:
        if _span(text[end:newline])[0] is None:
            break
        end = newline + 1
    return text[:end]


def survey(path: Path, kind: str) -> SegmentScan:
    """The content of a segment's file; read once, a frame at a time. Raises OSError."""
    start_t = parse_name(path.name).start_t
    if not path.is_file():  # opening a FIFO would wait for its writer
        return SegmentScan((DamagedPart(0, 0, torn=False, fault="it is no plain file"),), 0, path.stat().st_mtime)
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        parts = tuple(_parts(file, status.st_size, kind, start_t))
    return SegmentScan(parts, status.st_size, status.st_mtime)


def _parts(file: BinaryIO, size: int, kind: str, start_t: int) -> Iterator[Piece | DamagedPart]:
    """Pieces and losses in order; before a piece, one with a gap line where a loss left messages missing."""
    at, carry, last_t, damaged = 0, b"", start_t - 1, False
    while at < size:
        frame = _read_frame(file, at)
        if frame.end is not None:
            parts, carry = _keep_whole(frame, carry)
            at = frame.end
            if len(carry) > LONGEST_LINE_BYTES:
                parts.append(DamagedPart(0, len(carry), torn=False, fault="a line is too long to be one"))
                carry = b""
        else:
            following = find_frame(file, at + 1)
            end = following.start if following else size
            parts, carry = _keep_part(frame, carry, end), b""
            at = end
        for part in parts:
            if isinstance(part, DamagedPart):
                damaged = damaged or part.lost_bytes > 0
            elif part.lines.first_t is not None and part.lines.last_t is not None:
                if damaged and last_t + 1 < part.lines.first_t:
                    yield _gap(kind, part.start, last_t + 1, part.lines.first_t - 1)
                damaged, last_t = False, max(last_t, part.lines.last_t)
            yield part
    if carry:
        yield DamagedPart(0, len(carry), torn=True, fault="the last line has no end")


def _read_frame(file: BinaryIO, at: int) -> ZstdFrame:
    """The frame at `at`; one without text where none begins."""
    try:
        return read_frame(file, at)
    except DamagedFrame as error:
        return ZstdFrame(at, at, None, (), last_block=False, endable=False, fault=error.reason)


def _keep_whole(frame: ZstdFrame, carry: bytes) -> tuple[list[Piece | DamagedPart], bytes]:
    """The whole frame unchanged; as text if a line crosses its ends, which only other programs write."""
    assert frame.end is not None
    text = carry + frame.text
    if not carry and (not text or text.endswith(b"\n")):
        return [Piece(frame.start, frame.end, count_lines(text))], b""
    cut = text.rfind(b"\n") + 1
    return [Piece(frame.start, frame.end, count_lines(text[:cut]), text[:cut])], text[cut:]


def _keep_part(frame: ZstdFrame, carry: bytes, end: int) -> list[Piece | DamagedPart]:
    """The good lines of a frame that is not whole, and the loss of the rest up to `end`."""
    text = carry + frame.text
    good = good_lines(text)
    if not good:
        return [DamagedPart(end - frame.start, len(text), frame.torn, frame.fault)]
    open_frame = frame if frame.endable and not carry and good == text else None
    return [
        Piece(frame.start, frame.cut, count_lines(good), good, open_frame),
        DamagedPart(end - frame.cut, len(text) - len(good), frame.torn, frame.fault),
    ]


def _gap(kind: str, at: int, from_t: int, to_t: int) -> Piece:
    line = gap_line(kind, from_t, to_t, "lost") + b"\n"
    return Piece(at, at, count_lines(line), line)
