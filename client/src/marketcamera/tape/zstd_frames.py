"""Zstd frames as they lie in a file: how ours are made, where each begins, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from marketcamera.decoding import zstandard_module

MAGIC = b"\x28\xb5\x2f\xfd"
#: No frame of ours holds more text, unless a single line does: what a reader decodes to get at any one line.
FRAME_TEXT_BYTES = 1 << 20

_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte of 0x50 to 0x5f; such a frame holds no text
_LONGEST_HEADER_BYTES = 18
_CHECKSUM_BYTES = 4
_LARGEST_BLOCK_BYTES = 1 << 17
_RLE, _RESERVED = 1, 3
#: At most 128 KiB of text come of 4 bytes, so a hostile file fills no more memory than 32 MiB at a step.
_STEP_BYTES = 1024


def compressor() -> Any:
    """Makes frames with a checksum, like the server's recorder. Raises MarketCameraError without zstandard."""
    return zstandard_module().ZstdCompressor(level=3, write_checksum=True)


def whole_frames(file: BinaryIO, start: int = 0) -> list[tuple[int, int]]:
    """The begin and end of each frame from `start` on, up to one that is not whole; hops from block to block."""
    frames = []
    while (end := end_of_frame(file, start)) is not None:
        frames.append((start, end))
        start = end
    return frames


def texts(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """What one frame, whole or torn, decodes to, piece by piece. Raises zstandard.ZstdError."""
    decoder = zstandard_module().ZstdDecompressor().decompressobj()
    file.seek(start)
    while start < end and (data := file.read(min(_STEP_BYTES, end - start))):
        start += len(data)
        if text := decoder.decompress(data):
            yield text


def end_of_frame(file: BinaryIO, start: int) -> int | None:
    """Where the frame that begins at `start` ends; None where none begins or the file ends before it does."""
    file.seek(start)
    head = file.read(_LONGEST_HEADER_BYTES)
    if head[1:4] == _SKIPPABLE and head[0] >> 4 == 5 and len(head) >= 8:
        return _within(file, start + 8 + int.from_bytes(head[4:8], "little"))
    if head[:4] != MAGIC:
        return None
    zstandard = zstandard_module()
    try:
        at = start + int(zstandard.frame_header_size(head))
        checksum = _CHECKSUM_BYTES if zstandard.get_frame_parameters(head).has_checksum else 0
    except zstandard.ZstdError:
        return None
    last = False
    while not last:
        file.seek(at)
        mark = file.read(3)
        value = int.from_bytes(mark, "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if len(mark) < 3 or kind == _RESERVED or size > _LARGEST_BLOCK_BYTES:
            return None
        at += 3 + (1 if kind == _RLE else size)
    return _within(file, at + checksum)


def _within(file: BinaryIO, end: int) -> int | None:
    return end if end <= file.seek(0, 2) else None
