"""Zstd frames as they lie in a file: how ours are made, read one at a time, found after damage, and ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from recorder.errors import DamagedFrame

#: No frame of ours holds more text, unless a single line does: what a reader decodes to get at any one t.
FRAME_TEXT_BYTES = 1 << 20
#: No frame stays open longer, so that seek points of a quiet market lie close in time.
FRAME_SECONDS = 30.0

#: A back reference reaches no further than the frame, so a decoder needs no larger window.
_WINDOW_LOG = 20
#: Ticks repeat keys and ids, not digits: short matches cost more bits than the literals they replace. On
#: ticks of 10, 74 and 300 agents 7 made files 2 to 13 % smaller than level 3's own 5, in less time.
_MIN_MATCH = 7
#: What repeats is a few lines back, and one small table finds it. Against level 3's own way, two tables that fill half
#: of a processor's cache, frames took 7 to 18 % less room, ticks from 6 % less (10 agents) to 1 % more (300), and
#: all of them a quarter less time. So levels up to 4 are one and the same; the stronger ones search in their own way.
_TABLE_LOG = 11
#: The table points no further back than some ticks; with a 1 MiB window files were as large, to 0.2 %.
_FAST_WINDOW_LOG = 18

_MAGIC = b"\x28\xb5\x2f\xfd"
_LONGEST_HEADER_BYTES = 18
_LARGEST_BLOCK_BYTES = 1 << 17
_SEARCHED_BYTES = 1 << 20
_RLE, _RESERVED = 1, 3
_EMPTY_LAST_BLOCK = b"\x01\x00\x00"
_CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, read as far as it goes.

    `text` is what its whole blocks decode to, `cut` the offset after the last of them; a frame whose checksum
    is wrong has no text, since nobody knows which of it is false. `end` is the offset after the frame, None
    when it is not whole; `fault` then says why, and `torn` that the data merely ends too soon. `last_block`
    tells that the block marked as the last was read; `endable` that frame_ending after `cut` would make it
    whole: not every tool writes a checksum, and some announce the length.
    """

    start: int
    cut: int
    end: int | None
    text: bytes
    last_block: bool
    endable: bool
    torn: bool = False
    fault: str = ""


def compressor(level: int) -> zstandard.ZstdCompressor:
    """A compressor for frames of segments: checked, decodable with a 1 MiB window."""
    parameters = zstandard.ZstdCompressionParameters.from_level(level)
    changes = {"window_log": min(parameters.window_log, _WINDOW_LOG)}
    if parameters.strategy <= zstandard.STRATEGY_DFAST:
        changes["strategy"] = zstandard.STRATEGY_FAST
        changes["window_log"] = min(parameters.window_log, _FAST_WINDOW_LOG)
        changes["min_match"] = _MIN_MATCH
        changes["hash_log"] = changes["chain_log"] = _TABLE_LOG
    return zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters.from_level(
            level, write_checksum=True, write_content_size=True, **changes
        )
    )


def frame_ending(text: bytes, *, last_block: bool = False) -> bytes:
    """The bytes that make a frame whole whose blocks so far hold `text`; `last_block`: its last one is there.

    An empty last block and the checksum, as laid down in RFC 8878, 3.1.1. The checksum is of the text alone,
    so it is taken from a frame made of the same text in the quickest way.
    """
    checksum = zstandard.ZstdCompressor(level=-7, write_checksum=True).compress(text)[-_CHECKSUM_BYTES:]
    return checksum if last_block else _EMPTY_LAST_BLOCK + checksum


def read_frame(file: BinaryIO, start: int) -> Frame:
    """The frame at `start`, whole or as far as it can be decoded. Raises DamagedFrame where none begins."""
    try:
        header, checksum_bytes, endable = _read_header(file, start)
    except EOFError as error:
        return Frame(start, start, None, b"", last_block=False, endable=False, torn=True, fault=str(error))
    decoder = zstandard.ZstdDecompressor().decompressobj()
    at = cut = start + len(header)
    texts, last = [], False
    try:
        decoder.decompress(header)
        for block, last_mark in _blocks(file):
            text = decoder.decompress(block)
            at += len(block)
            if text or last_mark:
                # The zeros that a power cut may leave behind read as empty blocks: they do not count.
                cut, last = at, last_mark
                texts.append(text)
        if checksum_bytes:
            decoder.decompress(_read(file, checksum_bytes, "the checksum"))
    except EOFError as error:
        return Frame(start, cut, None, b"".join(texts), last, endable, torn=True, fault=str(error))
    except (zstandard.ZstdError, DamagedFrame) as error:
        text = b"" if last else b"".join(texts)
        return Frame(start, cut, None, text, last, endable, fault=str(error))
    return Frame(start, cut, cut + checksum_bytes, b"".join(texts), last, endable)


def frame_starts(file: BinaryIO) -> Iterator[int]:
    """The offset of each frame, found by hopping from block to block; ends where a frame is not whole."""
    start = 0
    try:
        while True:
            _, checksum_bytes, _ = _read_header(file, start)
            yield start
            for _block in _blocks(file):
                pass
            start = file.tell() + checksum_bytes
    except (DamagedFrame, EOFError):
        return


def find_frame(file: BinaryIO, after: int) -> Frame | None:
    """The first frame that begins at or behind `after` and holds a whole line; the way on behind damage."""
    for start in _magics(file, after):
        try:
            frame = read_frame(file, start)
        except DamagedFrame:
            continue  # four bytes that only looked like a beginning
        if b"\n" in frame.text:
            return frame
    return None


def _magics(file: BinaryIO, after: int) -> Iterator[int]:
    """The offsets from `after` on at which a frame's first four bytes stand."""
    begin, rest = after, b""
    while True:
        file.seek(begin + len(rest))
        if not (piece := file.read(_SEARCHED_BYTES)):
            return
        data = rest + piece
        at = data.find(_MAGIC)
        while at >= 0:
            yield begin + at
            at = data.find(_MAGIC, at + 1)
        rest = data[1 - len(_MAGIC) :]  # the four may lie across two pieces
        begin += len(data) - len(rest)


def _read_header(file: BinaryIO, start: int) -> tuple[bytes, int, bool]:
    """The header, how many bytes the checksum takes, `endable`; the file then stands behind it.

    Raises DamagedFrame, EOFError.
    """
    file.seek(start)
    data = file.read(_LONGEST_HEADER_BYTES)
    if not _MAGIC.startswith(data[:4]):
        raise DamagedFrame(start, f"it begins with {data[:4].hex()}, not {_MAGIC.hex()}")
    try:
        length = zstandard.frame_header_size(data)
        parameters = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        if len(data) < _LONGEST_HEADER_BYTES:
            raise EOFError(f"the data ends {len(data)} bytes into a frame's header") from error
        raise DamagedFrame(start, str(error)) from error
    file.seek(start + length)
    endable = parameters.has_checksum and parameters.content_size == zstandard.CONTENTSIZE_UNKNOWN
    return data[:length], _CHECKSUM_BYTES if parameters.has_checksum else 0, endable


def _blocks(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each block with its three-byte header, and whether it is the last. Raises EOFError, DamagedFrame."""
    last = False
    while not last:
        head = _read(file, 3, "a block's header")
        value = int.from_bytes(head, "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if kind == _RESERVED or size > _LARGEST_BLOCK_BYTES:
            raise DamagedFrame(file.tell() - 3, f"a block of type {kind} and {size} bytes")
        yield head + _read(file, 1 if kind == _RLE else size, "a block"), last


def _read(file: BinaryIO, size: int, what: str) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError(f"the data ends {size - len(data)} bytes before {what} does")
    return data
