"""A full check of a finished segment: reads it to its last byte and reports everything that is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from recorder.errors import DamagedFrame
from recorder.segment.layout import GAP_START, parse_name
from recorder.segment.segment_file import sha256_of
from recorder.segment.zstd_frames import LONGEST_LINE_BYTES, read_frame
from recorder.spans import Span

#: The most faults reported: a file of another format would have a fault per line.
_MOST_FAULTS = 20

#: The beginnings of messages written by this project, by kind; lines of another writer are parsed whole.
_OURS = {
    "ticks": re.compile(rb'\{"type":"tick","t":([0-9]{1,18})[,}]'),
    "frames": re.compile(rb'\{"type":"frame","t":([0-9]{1,18})[,}]'),
    "metrics": re.compile(rb'\{"type":"metric","t":([0-9]{1,18})[,}]'),
}


@dataclass(slots=True)
class Examined:
    """The content of a segment's file, as far as it can be read, and its faults.

    `start_t` and `end_t` are of its first and last message. `spans` are the ranges of consecutive t with messages,
    `gaps` those of its gap lines, `frames` each zstd frame's offset and the last t before it.
    """

    bytes: int = 0
    text_bytes: int = 0
    lines: int = 0
    start_t: int | None = None
    end_t: int | None = None
    spans: list[Span] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    frames: dict[int, int] = field(default_factory=dict)
    sha256: str = ""
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str) -> None:
        """Note a fault."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(what)


def examine(path: Path, kind: str) -> Examined:
    """The finished segment of `kind` at `path`; holds one of its frames at a time. Raises OSError."""
    if path.exists() and not path.is_file():  # opening a FIFO would wait for its writer
        return Examined(faults=["it is no plain file"])
    found = Examined(sha256=sha256_of(path))
    rest = b""
    with path.open("rb") as file:
        found.bytes = file.seek(0, 2)
        at = 0
        while at < found.bytes:
            try:
                frame = read_frame(file, at)
            except DamagedFrame as error:
                found.fault(str(error))
                return found
            if not rest:
                found.frames[at] = -1 if found.end_t is None else found.end_t
            rest = _take(found, kind, rest + frame.text)
            if len(rest) > LONGEST_LINE_BYTES:
                found.fault(f"a line of more than {LONGEST_LINE_BYTES:,} bytes ends nowhere before byte {frame.cut:,}")
                return found
            if frame.end is None:
                found.fault(f"the zstd frame at byte {at:,} is not whole: {frame.fault}")
                return found
            at = frame.end
    _check_whole(found, path, rest)
    return found


def _take(found: Examined, kind: str, text: bytes) -> bytes:
    """Count and check the whole lines of `text`; what follows the last one."""
    *lines, rest = text.split(b"\n")
    ours = _OURS[kind]
    for line in lines:
        found.lines += 1
        found.text_bytes += len(line) + 1
        begins = ours.match(line)
        if begins and line.endswith(b"}"):
            _take_message(found, int(begins[1]))
        else:
            _take_other(found, kind, line)
    return rest


def _take_other(found: Examined, kind: str, line: bytes) -> None:
    """A gap line, or a message that another program wrote."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    names = ("from_t", "to_t") if line.startswith(GAP_START) else ("t", "t")
    first, last = (message.get(name) if isinstance(message, dict) else None for name in names)
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        found.fault(f"line {found.lines:,} is no message: {line[:60]!r}")
    elif line.startswith(GAP_START):
        found.gaps.append((first, last))
    elif message.get("type") != kind.removesuffix("s"):
        found.fault(f"line {found.lines:,} is of type {message.get('type')!r:.40}")
    else:
        _take_message(found, first)


def _take_message(found: Examined, t: int) -> None:
    if found.start_t is None:
        found.start_t = t
    if found.end_t is not None and t <= found.end_t:
        found.fault(f"line {found.lines:,}: t={t} comes after t={found.end_t}")
        return
    if found.end_t is not None and t == found.end_t + 1:
        found.spans[-1] = (found.spans[-1][0], t)
    else:
        found.spans.append((t, t))
    found.end_t = t


def _check_whole(found: Examined, path: Path, rest: bytes) -> None:
    named_t = parse_name(path.name).start_t
    if rest:
        found.fault(f"the last line has no end: {rest[:60]!r}")
    if not found.lines:
        found.fault("it holds no line")
    if found.start_t is not None and found.start_t < named_t:
        found.fault(f"its first message is t={found.start_t}, its name says {named_t}")
