"""The lines of a file of messages, one JSON object each, plain or in zstd frames, read from the last one backward."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from marketcamera.decoding import decode, zstandard_module
from marketcamera.errors import BadMessage, MarketCameraError
from marketcamera.stream.messages import KINDS, Kind
from marketcamera.stream.playhead import LOOK_BACK_TICKS
from marketcamera.tape.zstd_frames import texts, whole_frames

#: Of a frame that another tool made of a whole file, no more text than this is held.
TAIL_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20


class NoRecording(MarketCameraError):
    """A file that is there is not one to go on with; it was not touched."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a recording to go on with: {reason}")
        self.path, self.reason = path, reason


def is_compressed(path: Path) -> bool:
    """Whether a file of this name holds zstd frames."""
    return path.suffix == ".zst"


def place(line: bytes) -> tuple[Kind, int, int]:
    """The kind of a line, and the first and last t it speaks of, the same but in a gap. Raises BadMessage."""
    message, *more = decode(line.decode(errors="replace")) or [{"type": None}]
    gap = message["type"] == "gap"
    kind = message.get("kind") if gap else message["type"]
    first, last = message.get("from_t" if gap else "t"), message.get("to_t" if gap else "t")
    if more or kind not in KINDS or type(first) is not int or type(last) is not int:
        raise BadMessage("a line is a tick, metric, frame or gap", line)
    return kind, first, last


def positions(path: Path, kinds: Collection[Kind]) -> dict[Kind, int]:
    """The last t that a repaired file holds of each kind; nothing where it holds no line.

    For a kind that it has no message of, that is the t before its first, or before the last 1,000: earlier ones
    would have come. Raises NoRecording, OSError.
    """
    found: dict[Kind, int] = {}
    newest = oldest = -1
    with path.open("rb") as file:
        try:
            for line in lines_backward(_texts_backward(file, path)):
                kind, oldest, last = place(line)
                newest = max(newest, oldest)  # a gap stands where it begins, and may end far behind
                found.setdefault(kind, last)
                if found.keys() >= set(kinds) or oldest <= newest - LOOK_BACK_TICKS:
                    break
        except BadMessage as error:
            raise NoRecording(path, str(error)) from None
    before = max(oldest - 1, newest - LOOK_BACK_TICKS)
    return {kind: found.get(kind, before) for kind in kinds} if found else {}


def lines_backward(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text that comes in chunks, both last one first; blank ones are left out."""
    rest = b""
    for chunk in chunks:
        rest, *lines = (chunk + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line.strip())
    if rest.strip():
        yield rest


def chunks_backward(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file, piece by piece, the last one first."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _CHUNK_BYTES)
        file.seek(begin)
        yield file.read(end - begin)
        end = begin


def _texts_backward(file: BinaryIO, path: Path) -> Iterator[bytes]:
    if not is_compressed(path):
        yield from chunks_backward(file)
        return
    for start, end in reversed(whole_frames(file)):
        try:
            yield last_text(file, start, end)
        except zstandard_module().ZstdError as error:
            raise NoRecording(path, f"the zstd frame at byte {start} is damaged ({error})") from None


def last_text(file: BinaryIO, start: int, end: int) -> bytes:
    """The text of a frame, of a very long one the end. Raises zstandard.ZstdError."""
    kept: deque[bytes] = deque()
    size = 0
    for text in texts(file, start, end):
        kept.append(text)
        size += len(text)
        while size - len(kept[0]) >= TAIL_BYTES:
            size -= len(kept.popleft())
    return b"".join(kept)
