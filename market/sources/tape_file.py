"""A tape as a source: a file of ticks, one JSON message a line, plain or as zstd frames."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from pathlib import Path

import zstandard

from market.sources.source import Source, SourceError
from market.sources.tick_lines import Unreadable, bounded, ticks_of
from market.tick import Tick
from market.timestamps import DAY_SECONDS

#: How a zstd file begins: with a frame, or with one of the skippable kind.
_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"

#: Compressed bytes taken at a time. Zstd makes at most 128 KiB of 4 bytes, so even a hostile file gets no
#: more than 32 MiB out of one step.
_STEP_BYTES = 1024
_LONGEST_HEADER_BYTES = 18
_PIECE_BYTES = 65_536


class FileSource(Source):
    """The ticks of a tape: one JSON message per line, plain or as zstd frames, distinguished by the first bytes.

    Blank lines and the `gap` messages of recorded tapes are skipped. A tick of a zstd frame is returned only after all
    of that frame was verified. Memory is bounded for files of any length. Raises SourceError at once for a missing
    file, and while reading for a message that is not a tick, and for a ts that is invalid or further than
    `most_step_seconds` from the one before it (0: any distance).
    """

    replayable = True

    def __init__(self, path: str | Path, most_step_seconds: float = DAY_SECONDS) -> None:
        super().__init__()
        self.path = Path(path)
        self._most_step_seconds = most_step_seconds
        self.name = f"file:{path}"
        try:
            is_directory = self.path.is_dir()
            self.path.stat()
        except (OSError, ValueError) as error:
            raise SourceError(f"{path}: {_reason(error)}") from None
        if is_directory:
            raise SourceError(f"{path}: a directory, not a file")
        self._last_t = -1

    def __iter__(self) -> Iterator[Tick]:
        try:
            with self.path.open("rb") as file:
                for tick in ticks_of(_pieces(file), str(self.path), self._most_step_seconds, self._last_t):
                    self._last_t = tick.t
                    yield tick
        except OSError as error:
            raise SourceError(f"{self.path}: {_reason(error)}") from None

    def checkpoint(self) -> str:
        return str(self._last_t)

    def restore(self, checkpoint: str) -> None:
        try:
            last_t = int(checkpoint)
        except ValueError:
            last_t = None
        if last_t is None or not -1 <= last_t <= 2**53:
            raise SourceError(f"{self.path}: a checkpoint must be the last played t, got {checkpoint[:60]!r}")
        self._last_t = last_t


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _pieces(file: io.BufferedReader) -> Iterator[bytes]:
    """The text of a file, decompressed if it is zstd."""
    magic = file.peek(4)[:4]
    if magic == _ZSTD_FRAME or magic[1:] == _ZSTD_SKIPPABLE:
        yield from _decompressed(file)
        return
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _decompressed(file: io.BufferedReader) -> Iterator[bytes]:
    """The text of all the frames, one after the other, each after its checksum was verified.

    Each is therefore decoded twice: holding it meanwhile would fill the memory.
    """
    start = 0
    while (end := _end_of_frame(file, start)) is not None:
        yield from _texts(file, start)
        start = end


def _end_of_frame(file: io.BufferedReader, start: int) -> int | None:
    """Where the frame ends that begins at `start` and is whole; None at the end of the file. Raises Unreadable."""
    file.seek(start)
    if not (head := file.peek(_LONGEST_HEADER_BYTES)):
        return None
    texts, line_bytes = _texts(file, start), 0
    try:
        while True:
            _, newline, behind = next(texts).rpartition(b"\n")
            line_bytes = len(behind) if newline else line_bytes + len(behind)
            bounded(line_bytes)
    except StopIteration as ended:
        end: int = ended.value
    file.seek(end)
    if head[:4] == _ZSTD_FRAME and not zstandard.get_frame_parameters(head).has_checksum and not _begins(file):
        # A flipped bit in a header removes the flag of a checksum, not the checksum.
        raise Unreadable(f"no zstd frame begins at byte {end:,}, where one without a checksum ends")
    return end


def _begins(file: io.BufferedReader) -> bool:
    """Whether the file ends here, or may continue with a frame."""
    magic = file.peek(4)[:4]
    return not magic or magic == _ZSTD_FRAME or magic[1:] == _ZSTD_SKIPPABLE


def _texts(file: io.BufferedReader, start: int) -> Generator[bytes, None, int]:
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
