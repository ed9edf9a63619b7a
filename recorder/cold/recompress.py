"""Compresses a segment anew for the cold store, and proves that every line is in it. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import zstandard

from recorder.errors import RecorderError
from recorder.segment.checked_lines import Line, parsed
from recorder.segment.layout import GAP_START
from recorder.segment.segment_file import sha256_of
from recorder.segment.zstd_frames import FRAME_TEXT_BYTES


class Packed(NamedTuple):
    """A file that is ready for the bucket: its size, its SHA-256 in hex, and (first t, byte offset) of its frames."""

    bytes: int
    sha256: str
    seek_points: list[list[int]]


class NotTheSame(RecorderError):
    """A segment that was compressed anew does not hold the lines of the original."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path}: compressed anew, line {line:,} is another one")


def recompress(path: Path, kind: str, to: Path, level: int) -> Packed:
    """Write the lines of a finished segment to a file, synced, and read them back from it.

    Every frame has a checksum and its length, and begins and ends with a whole line. Holds one frame at a time. Raises
    DamagedFrame, DamagedLine if the segment is not whole, NotTheSame, OSError.
    """
    compressor = _compressor(level)
    points: list[list[int]] = []
    digest, size, end_t = hashlib.sha256(), 0, -1
    with path.open("rb") as source, to.open("wb") as target:
        for lines in _frames(parsed(source, kind)):
            # A gap line may come after newer messages; a seek point before them would mislead readers.
            points.append([max(lines[0].first_t, end_t + 1), size])
            end_t = max([end_t, *(line.last_t for line in lines if not line.text.startswith(GAP_START))])
            data = compressor.compress(b"".join([part for line in lines for part in (line.text, b"\n")]))
            target.write(data)
            digest.update(data)
            size += len(data)
        target.flush()
        os.fsync(target.fileno())
    _prove(path, to, kind)
    return Packed(size, digest.hexdigest(), points)


def as_it_is(path: Path, seek_points: list[list[int]]) -> Packed:
    """A segment's file as it is, with the seek points of its row. Raises OSError."""
    return Packed(path.stat().st_size, sha256_of(path), seek_points)


def _compressor(level: int) -> zstandard.ZstdCompressor:
    parameters = zstandard.ZstdCompressionParameters.from_level(level, write_checksum=True, write_content_size=True)
    return zstandard.ZstdCompressor(compression_params=parameters)


def _frames(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """The lines of each frame: as many as its text may be long, or a single longer one."""
    frame: list[Line] = []
    text_bytes = 0
    for line in lines:
        if frame and text_bytes + len(line.text) + 1 > FRAME_TEXT_BYTES:
            yield frame
            frame, text_bytes = [], 0
        frame.append(line)
        text_bytes += len(line.text) + 1
    if frame:
        yield frame


def _prove(path: Path, copy: Path, kind: str) -> None:
    """Raises NotTheSame unless both files hold the same lines, and those of the reader's own errors."""
    with path.open("rb") as one, copy.open("rb") as other:
        for number, (ours, theirs) in enumerate(zip_longest(parsed(one, kind), parsed(other, kind)), 1):
            if ours != theirs:
                raise NotTheSame(path, number)
