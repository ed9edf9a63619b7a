"""Zstd frames in a file: writes ours, reads them one at a time, finds them after damage, and ends them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from recorder.errors import DamagedFrame

#: The longest line, as of a tape that is played (`market.sources.text_file`). A longer one is not a line, and is not
#: decompressed further.
LONGEST_LINE_BYTES = 64 << 20

#: The most text in a frame of ours, unless it is a single longer line: what a reader decodes to reach any t.
FRAME_TEXT_BYTES = 1 << 20
#: The longest time a frame stays open, so that seek points of a quiet market are close in time.
FRAME_SECONDS = 30.0

#: A back reference reaches no further than the frame, so a decoder needs no larger window.
_WINDOW_LOG = 20
#: Ticks repeat keys and ids, not digits: short matches cost more bits than the literals they replace. On
#: ticks of 10, 74 and 300 agents 7 made files 2 to 13 % smaller than level 3's own 5, in less time.
_MIN_MATCH = 7
#: Repetitions are a few lines back, and one small table finds them. Compared with level 3's own strategy, two tables
#: that fill half of a processor's cache, frames took 7 to 18 % less space, ticks from 6 % less (10 agents) to 1 % more
#: (300), and all of them a quarter less time. Levels up to 4 are therefore the same; higher ones use their own
#: strategy.
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
class ZstdFrame:
    """One frame, read as far as it goes.

    `pieces` are the decoded whole blocks, `cut` the offset after the last of them. A frame with a wrong checksum has no
    text, because it is unknown which part is wrong. `end` is the offset after the frame, None if it is not whole;
    `fault` then says why, and `torn` whether the data only ends too early. `last_block`: the block marked as the last
    was read. `endable`: frame_ending after `cut` would make it whole; not every tool writes a checksum, and some
    announce the length. `checked`: it is whole and has the right checksum. `text_bytes` is the size of the text, even
    if that was too long to be kept.
    """

    start: int
    cut: int
    end: int | None
    pieces: tuple[bytes, ...]
    last_block: bool
    endable: bool
    torn: bool = False
    fault: str = ""
    checked: bool = False
    text_bytes: int = 0

    @property
    def text(self) -> bytes:
        """Joined anew each time, at a quarter of the cost of decoding."""
        return b"".join(self.pieces)


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
    """The bytes that complete a frame whose blocks so far hold `text`; `last_block`: its last block is there.

    An empty last block and the checksum, as RFC 8878, 3.1.1 defines them. The checksum depends only on the text, so it
    is taken from a frame of the same text, compressed in the fastest way.
    """
    checksum = zstandard.ZstdCompressor(level=-7, write_checksum=True).compress(text)[-_CHECKSUM_BYTES:]
    return checksum if last_block else _EMPTY_LAST_BLOCK + checksum


def read_frame(file: BinaryIO, start: int, most_text_bytes: int | None = None) -> ZstdFrame:
    """The frame at `start`, whole or as far as it can be decoded. Raises DamagedFrame if none begins there.

    A text of more than `most_text_bytes` is not kept: `text_bytes` gives its size, and `frame_texts` returns it piece
    by piece.
    """
    try:
        header, checksum_bytes, endable = _read_header(file, start)
    except EOFError as error:
        return ZstdFrame(start, start, None, (), last_block=False, endable=False, torn=True, fault=str(error))
    decoder = zstandard.ZstdDecompressor().decompressobj()
    at = cut = start + len(header)
    taken, last = _Text(start, most_text_bytes), False
    try:
        decoder.decompress(header)
        for block, last_mark in _blocks(file):
            text = decoder.decompress(block)
            at += len(block)
            if text or last_mark:
                # The zeros that a power cut may leave behind read as empty blocks: they do not count.
                cut, last = at, last_mark
                taken.add(text)
        if checksum_bytes:
            decoder.decompress(_read(file, checksum_bytes, "the checksum"))
    except EOFError as error:
        return ZstdFrame(
            start, cut, None, taken.pieces, last, endable, torn=True, fault=str(error), text_bytes=taken.bytes
        )
    except (zstandard.ZstdError, DamagedFrame) as error:
        pieces = () if last else taken.pieces
        return ZstdFrame(start, cut, None, pieces, last, endable, fault=str(error))
    end = cut + checksum_bytes
    return ZstdFrame(start, cut, end, taken.pieces, last, endable, checked=bool(checksum_bytes), text_bytes=taken.bytes)


class _Text:
    """The text of a frame, block by block, as far as it is kept."""

    def __init__(self, start: int, most_bytes: int | None) -> None:
        self._start, self._most_bytes = start, most_bytes
        self._pieces: list[bytes] = []
        self._line_bytes = self.bytes = 0

    def add(self, piece: bytes) -> None:
        """Raises DamagedFrame for a line without an end."""
        newline = piece.rfind(b"\n")
        self._line_bytes = len(piece) - newline - 1 + (self._line_bytes if newline < 0 else 0)
        if self._line_bytes > LONGEST_LINE_BYTES:
            raise DamagedFrame(self._start, f"it holds a line of more than {LONGEST_LINE_BYTES:,} bytes")
        self.bytes += len(piece)
        self._pieces.append(piece)
        if self._most_bytes is not None and self.bytes > self._most_bytes:
            self._pieces.clear()

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The whole text, or nothing if it is too long."""
        return tuple(self._pieces)


def frame_texts(file: BinaryIO, start: int) -> Iterator[bytes]:
    """The text of a frame, piece by piece, as far as it goes; not verified. Raises DamagedFrame."""
    try:
        header, _, _ = _read_header(file, start)
        decoder = zstandard.ZstdDecompressor().decompressobj()
        decoder.decompress(header)
        at = start + len(header)
        for block, _ in _blocks(file):
            at += len(block)
            yield decoder.decompress(block)
            file.seek(at)  # the caller may have read elsewhere meanwhile
    except EOFError:
        return
    except zstandard.ZstdError as error:
        raise DamagedFrame(start, str(error)) from error


def frame_starts(file: BinaryIO) -> Iterator[int]:
    """The offset of each frame, found by skipping from block to block; ends at a frame that is not whole."""
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


def find_frame(file: BinaryIO, after: int) -> ZstdFrame | None:
    """The first frame that begins at `after` or later and holds a whole line: where reading continues after damage."""
    for start in _magics(file, after):
        try:
            frame = read_frame(file, start)
        except DamagedFrame:
            continue  # four bytes that only looked like a beginning
        if b"\n" in frame.text:
            return frame
    return None


def next_frame(file: BinaryIO, after: int, most_text_bytes: int) -> int | None:
    """The offset of the first frame from `after` on that is whole, or that the file's end cuts short."""
    for start in _magics(file, after):
        try:
            frame = read_frame(file, start, most_text_bytes)
        except DamagedFrame:
            continue  # four bytes that only looked like a beginning
        if frame.end is not None or (frame.torn and b"\n" in frame.text):
            return start
    return None


def begins_frame(file: BinaryIO, at: int) -> bool:
    """Whether a frame may begin at an offset, or the file ends there."""
    file.seek(at)
    data = file.read(len(_MAGIC))
    return not data or data == _MAGIC


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
        rest = data[1 - len(_MAGIC) :]  # the four bytes may be split across two pieces
        begin += len(data) - len(rest)


def _read_header(file: BinaryIO, start: int) -> tuple[bytes, int, bool]:
    """The header, the size of the checksum, and `endable`; the file position is then after it.

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
