"""Repair: makes a file of messages whole that a writer left when it was killed, so that the next one can go on."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO

from marketcamera.decoding import zstandard_module
from marketcamera.errors import BadMessage
from marketcamera.tape.lines import TAIL_BYTES, NoRecording, chunks_backward, is_compressed, last_text, place
from marketcamera.tape.zstd_frames import MAGIC, compressor, texts, whole_frames

log = logging.getLogger("marketcamera")

_OFFSET_BYTES = 8


def repair(path: Path) -> None:
    """Cut what lies behind the last whole line; the lines of a frame that has no end are put into one that has.

    A crash in the midst of it loses no line, and the next repair ends it. Raises NoRecording for what no writer of
    ours leaves behind, and then touches nothing; OSError, MarketCameraError without zstandard. Every frame is checked:
    of one before the last that is damaged the log tells, and it is left as it is.
    """
    if is_compressed(path):
        _finish(path)
        _repair_frames(path)
    else:
        _cut_half_line(path)


def _cut_half_line(path: Path) -> None:
    with path.open("r+b") as file:
        half = b""
        for chunk in chunks_backward(file):
            half = chunk[chunk.rfind(b"\n") + 1 :] + half
            if b"\n" in chunk:
                break
        end = file.seek(0, os.SEEK_END)
        if _is_message(half):
            file.write(b"\n")
        elif half.strip(b"\0 \t\r") and not half.startswith(b"{"):
            raise NoRecording(path, "its last line is not JSON")
        elif half:
            file.truncate(end - len(half))


def _is_message(line: bytes) -> bool:
    try:
        place(line)
    except BadMessage:
        return False
    return True


def _repair_frames(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        frames = whole_frames(file)
        end = frames[-1][1] if frames else 0
        last = _last_line(path, file, frames)
        _tell_damaged(path, file, frames)
        if end < size:
            _raise_if_more_than_torn(path, file, end, size)
            text = _whole_lines(path, file, end, size)
        elif last and not last.endswith(b"\n"):
            text = b"\n"  # which a whole file of another tool may lack
        else:
            return
    _log(path).write_bytes(end.to_bytes(_OFFSET_BYTES, "little") + compressor().compress(text))
    _finish(path)


def _last_line(path: Path, file: BinaryIO, frames: list[tuple[int, int]]) -> bytes:
    """The last line of the whole frames, with its newline if it has one."""
    for start, end in reversed(frames):
        try:
            text = last_text(file, start, end)
        except zstandard_module().ZstdError as error:
            raise NoRecording(path, f"the zstd frame at byte {start} is damaged ({error})") from None
        if text:
            line = text[text.rfind(b"\n", 0, -1) + 1 :]
            if line.strip() and not _is_message(line):
                raise NoRecording(path, "its last line is not a message")
            return line
    return b""


def _tell_damaged(path: Path, file: BinaryIO, frames: list[tuple[int, int]]) -> None:
    for start, end in frames:
        try:
            for _ in texts(file, start, end):
                pass
        except zstandard_module().ZstdError as error:
            log.warning("%s: the zstd frame at byte %d is damaged, its lines are lost (%s)", path, start, error)


def _raise_if_more_than_torn(path: Path, file: BinaryIO, at: int, size: int) -> None:
    """A crash leaves one torn frame, or zeros, at the end of a file: what holds anything else may be of use yet."""
    if size - at > TAIL_BYTES:
        raise NoRecording(path, f"the zstd frame at byte {at} has no end, and is none of ours")
    file.seek(at)
    rest = file.read(size - at)
    if not at and not rest.startswith(MAGIC[: len(rest)]):
        raise NoRecording(path, "it is not zstd")
    found = rest.find(MAGIC, 1)
    while found >= 0:
        if whole_frames(file, at + found):
            raise NoRecording(path, f"it is damaged at byte {at}, and more follows at byte {at + found}")
        found = rest.find(MAGIC, found + 1)


def _whole_lines(path: Path, file: BinaryIO, start: int, end: int) -> bytes:
    """The messages that a torn frame begins with, as far as it can be decoded; no checksum vouches for them.

    Where more than its end is wrong, all of it is kept in a file of its own.
    """
    text, fault = b"", ""
    try:
        for piece in texts(file, start, end):
            text += piece
    except zstandard_module().ZstdError as error:
        fault = str(error)  # what was decoded before is all there is
    good = 0
    while (newline := text.find(b"\n", good)) >= 0:
        line = text[good:newline]
        if line.strip() and not _is_message(line):
            fault = "a line is no message"
            break
        good = newline + 1
    if fault:
        _keep_aside(path, file, start, fault)
    return text[:good]


def _keep_aside(path: Path, file: BinaryIO, start: int, fault: str) -> None:
    aside = path.with_name(f"{path.name}.damaged-{start}")
    file.seek(start)
    aside.write_bytes(file.read())
    log.warning("%s: the zstd frame at byte %d is damaged, all of it is kept in %s (%s)", path, start, aside, fault)


def _log(path: Path) -> Path:
    """Where the new end of a file is kept until it is in its place: its offset, then its frame."""
    return path.with_name(f"{path.name}.repair")


def _finish(path: Path) -> None:
    """Put a new end in its place, now or after a crash; one that is not whole itself has changed nothing yet."""
    log = _log(path)
    if not log.exists():
        return
    with log.open("rb") as file:
        os.fsync(file.fileno())
        offset = int.from_bytes(file.read(_OFFSET_BYTES), "little")
        ending = file.read()
        frames = whole_frames(file, _OFFSET_BYTES)
        is_whole = bool(frames) and frames[-1][1] == file.seek(0, os.SEEK_END)
    if is_whole and offset <= path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(ending)
            file.flush()
            os.fsync(file.fileno())
    log.unlink()
