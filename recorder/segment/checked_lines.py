"""Checked lines: the content of a segment's file, each line returned only when it is known to be what was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

import orjson

from recorder.errors import DamagedFrame, DamagedLine, RecorderError
from recorder.segment.layout import GAP_START
from recorder.segment.zstd_frames import (
    LONGEST_LINE_BYTES,
    ZstdFrame,
    begins_frame,
    frame_texts,
    next_frame,
    read_frame,
)

#: A frame with more text, as other programs write them, is decoded twice: once to verify it, then piece by piece.
_KEPT_TEXT_BYTES = 4 << 20

#: The beginnings of messages written by this project, by kind; lines of another writer are parsed whole.
_BEGINNINGS = {
    kind: re.compile(rb'\{"type":"%b","t":([0-9]{1,18})[,}]' % kind.removesuffix("s").encode())
    for kind in ("ticks", "frames", "metrics")
}


class Line(NamedTuple):
    """One line of a tape: its span of t (one t, unless it is a gap) and its text without newline."""

    first_t: int
    last_t: int
    text: bytes

    @property
    def is_gap(self) -> bool:
        return self.text.startswith(GAP_START)


class Damage(NamedTuple):
    """A place where something cannot be read, or is not what was written."""

    why: RecorderError


#: Whether a file has the known SHA-256; None if none is known.
Vouch = Callable[[], bool | None]


def checked(
    file: BinaryIO, kind: str, start: int = 0, *, finished: bool = True, vouch: Vouch = lambda: None
) -> Iterator[Line | Damage]:
    """The lines of a segment of `kind` from a frame on, in order, and a Damage where some cannot be read.

    A line is returned only after the checksum of its frame was verified. Text without a checksum must consist of JSON
    lines with a t: the open frame of a segment that is not `finished`, and frames of another program. If the file's
    SHA-256 is known, that decides. Holds one frame at a time, or a piece of a large one. Raises OSError.
    """
    cut = _Cut()
    at: int | None = start
    while at is not None and (frame := _frame(file, at)) is not None:
        trust = _trust(file, frame, finished, vouch)
        if trust is None and (again := _read_again(file, at)) is not None:
            frame, trust = again, _trust(file, again, finished, vouch)
        if trust is None:
            yield Damage(DamagedFrame(at, frame.fault or "nothing vouches for it"))
            cut.begin()
            at = next_frame(file, at + 1, _KEPT_TEXT_BYTES)
            continue
        try:
            for texts in cut.lines(_pieces(file, frame)):
                yield from _lines(texts, kind, trust)
        except DamagedLine as error:
            yield Damage(error)
        at = frame.end
    if finished and (cut.rest or not file.seek(0, 2)):
        yield Damage(DamagedFrame(start, "its last line has no end" if cut.rest else "the file is empty"))


def parsed(file: BinaryIO, kind: str) -> Iterator[Line]:
    """The lines of a whole segment. Raises DamagedFrame or DamagedLine if it is not whole."""
    for one in checked(file, kind):
        if isinstance(one, Damage):
            raise one.why
        yield one


def first_line(file: BinaryIO, kind: str, start: int) -> Line | None:
    """The first line of a frame, as far as it can be read. It is a hint, because it is not verified."""
    try:
        for texts in _Cut().lines(frame_texts(file, start)):
            return line_of(texts[0], kind)
    except (DamagedFrame, DamagedLine):
        pass  # reading does not begin there
    return None


def _frame(file: BinaryIO, at: int) -> ZstdFrame | None:
    """The frame at an offset, as far as it can be read; None at the end of the file."""
    file.seek(at)
    if not file.read(1):
        return None
    try:
        return read_frame(file, at, _KEPT_TEXT_BYTES)
    except DamagedFrame as error:
        return ZstdFrame(at, at, None, (), last_block=False, endable=False, fault=error.reason)


def _read_again(file: BinaryIO, at: int) -> ZstdFrame | None:
    """The frame at an offset as it is where the file comes from, if it was not read from there just now."""
    forget: Callable[[int], bool] | None = getattr(file, "forget", None)
    return _frame(file, at) if forget is not None and forget(at) else None


def _trust(file: BinaryIO, frame: ZstdFrame, finished: bool, vouch: Vouch) -> bool | None:
    """Whether the text of a frame is what was written; False if its lines must decide, None if it is not."""
    if frame.end is None:
        return False if frame.torn and not finished else None
    if frame.checked:
        return True
    if (known := vouch()) is not None:
        return known or None
    # A flipped bit in a header removes the flag of a checksum, not the checksum: no frame begins at its bytes.
    return False if begins_frame(file, frame.end) else None


def _pieces(file: BinaryIO, frame: ZstdFrame) -> Iterable[bytes]:
    return frame.pieces or frame_texts(file, frame.start)


class _Cut:
    """Cuts text that arrives in pieces into lines; a line may cross frames, which only other programs write."""

    def __init__(self) -> None:
        self.rest: list[bytes] = []

    def begin(self) -> None:
        """The next text begins with a line."""
        self.rest = []

    def lines(self, pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
        """The whole lines, as many at a time as a piece contains. Raises DamagedLine for one that is too long."""
        for piece in pieces:
            texts = piece.split(b"\n")
            last = texts.pop()
            if texts:
                texts[0] = b"".join([*self.rest, texts[0]])
                self.rest = []
                yield texts
            if last:
                self._lengthen(last)

    def _lengthen(self, piece: bytes) -> None:
        self.rest.append(piece)
        if sum(map(len, self.rest)) > LONGEST_LINE_BYTES:
            beginning, self.rest = self.rest[0], []
            raise DamagedLine(beginning)


def _lines(texts: Iterable[bytes], kind: str, trusted: bool) -> Iterator[Line | Damage]:
    """The lines of a text that is `trusted`, or of another one as far as they are messages. Raises DamagedLine."""
    beginning = _BEGINNINGS[kind]
    for text in texts:
        if trusted and (found := beginning.match(text)):
            t = int(found[1])
            yield Line(t, t, text)
            continue
        try:
            yield line_of(text, kind)
        except DamagedLine as error:
            if not trusted:
                raise
            yield Damage(error)


def line_of(text: bytes, kind: str) -> Line:
    """A message of a kind, or a gap line, of any writer. Raises DamagedLine."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise DamagedLine(text) from None
    if not isinstance(message, dict) or message.get("type", "gap") not in ("gap", kind.removesuffix("s")):
        raise DamagedLine(text)
    first, last = message.get("from_t", message.get("t")), message.get("to_t", message.get("t"))
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        raise DamagedLine(text)
    return Line(first, last, text)
