"""Files of text, plain or compressed: their lines, in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Generator, Iterator

import orjson
import zstandard

#: A line beyond this is none of ours (10,000 agents make about 1.5 MB), and must not fill the memory.
MOST_LINE_BYTES = 64 * 2**20

#: How a zstd file begins: with a frame, or with one of the skippable kind.
ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
_GZIP = b"\x1f\x8b"

#: Compressed bytes taken at a time. Zstd makes at most 128 KiB of 4 bytes, so even a hostile file gets no
#: more than 32 MiB out of one step.
_STEP_BYTES = 1024
_PIECE_BYTES = 65_536


class Unreadable(Exception):
    """The reason why the next line of a text cannot be read."""


def reason(error: Exception) -> str:
    """What an error says, without the path that the system adds."""
    return getattr(error, "strerror", None) or str(error)


def is_zstd(file: io.BufferedReader) -> bool:
    """Whether a zstd frame begins where the file stands."""
    magic = file.peek(4)[:4]
    return magic == ZSTD_FRAME or magic[1:] == _ZSTD_SKIPPABLE


def plain(file: io.BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    """The bytes of a file from where it stands."""
    while piece := file.read(_PIECE_BYTES):
        yield piece


def unpacked(file: io.BufferedReader, offset: int = 0) -> Iterator[bytes]:
    """The text of a file behind its first `offset` bytes: plain, gzip or zstd, told by the first bytes.

    Text may be given before the checksum behind it was verified. Raises Unreadable, also if there is less text; but the
    end of the last line counts as one byte even where it is missing, so that who counts lines need not know.
    """
    if is_zstd(file):
        return _behind(_all_frames(file), offset)
    if file.peek(2)[:2] == _GZIP:
        return _behind(_gunzipped(file), offset)
    if file.seek(0, io.SEEK_END) + 1 < offset:
        raise _too_short(offset)
    file.seek(offset)
    return plain(file)


def _behind(pieces: Iterator[bytes], offset: int) -> Iterator[bytes]:
    left = offset
    for piece in pieces:
        if left < len(piece):
            yield piece[left:]
        left = max(left - len(piece), 0)
    if left > 1:
        raise _too_short(offset)


def _too_short(offset: int) -> Unreadable:
    return Unreadable(f"its text ends before byte {offset:,}, up to which it was read")


def _gunzipped(file: io.BufferedReader) -> Iterator[bytes]:
    try:
        yield from plain(gzip.GzipFile(fileobj=file))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unreadable(f"gzip: {error}") from None


def _all_frames(file: io.BufferedReader) -> Iterator[bytes]:
    start = 0
    while file.peek(1):
        start = yield from frame_text(file, start)
        file.seek(start)


def frame_text(file: io.BufferedReader, start: int) -> Generator[bytes, None, int]:
    """The text of one frame, not verified before its end, and the end's offset. Raises Unreadable.

    `stream_reader` with `read_across_frames=True` reads the same, but silently treats a frame that is cut short as the
    end of the file.
    """
    file.seek(start)
    frame = zstandard.ZstdDecompressor().decompressobj()
    while compressed := file.read(_STEP_BYTES):
        try:
            yield frame.decompress(compressed)
        except zstandard.ZstdError as error:
            raise Unreadable(f"{error} (in the frame at byte {start:,})") from None
        if frame.eof:
            return file.tell() - len(frame.unused_data)
    raise Unreadable(f"the zstd data is cut short (the frame at byte {start:,} has no end)")


def lines(pieces: Iterator[bytes]) -> Iterator[bytearray]:
    """The lines of a text that comes in pieces, without their ends; the last may lack one."""
    line = bytearray()
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            line += end
            bounded(len(line))
            yield line
            line = bytearray()
        line += rest
        bounded(len(line))
    if line:
        yield line


def bounded(line_bytes: int) -> None:
    """Raises Unreadable for a line of more bytes than one of ours can have."""
    if line_bytes > MOST_LINE_BYTES:
        raise Unreadable(f"a line of more than {MOST_LINE_BYTES:,} bytes")


def without_mark(text: bytes | bytearray) -> bytes | bytearray:
    """The first bytes of a text without the mark that some programs put before UTF-8."""
    return text.removeprefix(codecs.BOM_UTF8)


def why_not_json(text: bytes | bytearray, error: orjson.JSONDecodeError) -> str:
    """What is wrong with a text that orjson refused."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as undecodable:
        return f"not UTF-8: {undecodable.reason} at byte {undecodable.start}"
    return f"not JSON: {error}"
