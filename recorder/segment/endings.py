"""Endings: the bytes that make a pending segment, at its present size, a whole zstd file for a client."""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

from recorder.errors import DamagedFrame
from recorder.segment.zstd_frames import ZstdFrame, compressor, frame_ending, read_frame

_LEVEL = 3


class Ending(NamedTuple):
    """The bytes of a file before `cut`, followed by `tail`, are whole zstd frames that hold whole lines."""

    cut: int
    tail: bytes


def ending_of(file: BinaryIO, near: int = 0) -> Ending:
    """The ending of a file that a process may be writing; `near` is where one of its frames begins, best the last.

    It ends the open frame after its last whole block. If a reader meets a write in progress, or a crash cut the file,
    that block may hold part of a line: then the frame's whole lines are encoded anew. Unreadable bytes are left out.
    Raises OSError.
    """
    size = file.seek(0, os.SEEK_END)
    start = near if near < size else 0
    while start < size:
        try:
            frame = read_frame(file, start)
        except DamagedFrame:
            if start == near > 0:
                return ending_of(file)  # the position of this frame was that of another file
            break
        if frame.end is None:
            return _ended(frame)
        start = frame.end
    # A file without a frame is no zstd file: an empty frame makes it one.
    return Ending(start, b"" if start else compressor(_LEVEL).compress(b""))


def _ended(frame: ZstdFrame) -> Ending:
    text = frame.text
    lines = text[: text.rfind(b"\n") + 1]
    if lines and lines == text and frame.endable:
        return Ending(frame.cut, frame_ending(lines, last_block=frame.last_block))
    return Ending(frame.start, compressor(_LEVEL).compress(lines) if lines or not frame.start else b"")
