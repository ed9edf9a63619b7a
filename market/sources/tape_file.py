"""A tape as a source: a file of ticks, one JSON message a line, plain or as zstd frames."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import zstandard

from market.sources import text_file
from market.sources.source import Source, SourceError
from market.sources.text_file import Unreadable, frame_text, is_zstd, reason
from market.sources.tick_lines import ticks_of
from market.tick import Tick
from market.timestamps import DAY_SECONDS

_LONGEST_HEADER_BYTES = 18


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
            raise SourceError(f"{path}: {reason(error)}") from None
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
            raise SourceError(f"{self.path}: {reason(error)}") from None

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


def _pieces(file: io.BufferedReader) -> Iterator[bytes]:
    """The text of a file, decompressed if it is zstd."""
    return _decompressed(file) if is_zstd(file) else text_file.plain(file)


def _decompressed(file: io.BufferedReader) -> Iterator[bytes]:
    """The text of all the frames, one after the other, each after its checksum was verified.

    Each is therefore decoded twice: holding it meanwhile would fill the memory.
    """
    start = 0
    while (end := _end_of_frame(file, start)) is not None:
        yield from frame_text(file, start)
        start = end


def _end_of_frame(file: io.BufferedReader, start: int) -> int | None:
    """Where the frame ends that begins at `start` and is whole; None at the end of the file. Raises Unreadable."""
    file.seek(start)
    if not (head := file.peek(_LONGEST_HEADER_BYTES)):
        return None
    texts, line_bytes = frame_text(file, start), 0
    try:
        while True:
            _, newline, behind = next(texts).rpartition(b"\n")
            line_bytes = len(behind) if newline else line_bytes + len(behind)
            text_file.bounded(line_bytes)
    except StopIteration as ended:
        end: int = ended.value
    file.seek(end)
    if head[:4] == text_file.ZSTD_FRAME and not zstandard.get_frame_parameters(head).has_checksum and not _begins(file):
        # A flipped bit in a header removes the flag of a checksum, not the checksum.
        raise Unreadable(f"no zstd frame begins at byte {end:,}, where one without a checksum ends")
    return end


def _begins(file: io.BufferedReader) -> bool:
    """Whether the file ends here, or may continue with a frame."""
    return not file.peek(1) or is_zstd(file)
