"""The segment being written: gathers lines into text, text into frames, and frames into a file."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace

import zstandard

from recorder.errors import DamagedFrame
from recorder.segment.layout import SegmentFacts, SegmentName
from recorder.segment.listing import DirectoryChange
from recorder.segment.segment_file import SegmentFile
from recorder.segment.zstd_frames import FRAME_SECONDS, FRAME_TEXT_BYTES, frame_ending, read_frame

#: Lines are joined up to this size before they are compressed. A call for each line made a metric cost 1.8
#: instead of 1.3 microseconds. Beyond 64 KiB nothing is gained by a tape alone, but with a camera between the lines
#: 256 KiB took 5 % less: the processor's cache is filled anew less often.
_PIECE_BYTES = 1 << 18


@dataclass(slots=True)
class _Counts:
    """The totals of the lines so far."""

    lines: int = 0
    text_bytes: int = 0
    gaps: int = 0
    start_t: int | None = None
    end_t: int | None = None


class OpenSegment:
    """A segment that takes lines; its times are Unix seconds and may go backwards.

    Lines are on disk after `flush`, `end_frame` or `seal`. These may raise OSError; then only `rescue`, `facts`,
    `unkept` and `path` are valid, and describe what was on disk before.
    """

    def __init__(
        self,
        kind: str,
        name: SegmentName,
        file: SegmentFile,
        compressor: zstandard.ZstdCompressor,
        now: float,
        before_disk: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_disk` is called each time lines are about to go to disk."""
        self._kind = kind
        self._before_disk = before_disk
        self._name, self._named_t = name.lasting, name.start_t
        self._file = file
        self._compressor = compressor
        self._opened_at = now
        self._counts = _Counts()
        self._kept = _Counts()
        self._seek_points: list[tuple[int, int]] = []
        self._kept_seek_points: tuple[tuple[int, int], ...] = ()
        self._frame: zstandard.ZstdCompressionObj
        self._frame_text_bytes = 0
        self._frame_began = now
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._compressed: list[bytes] = []
        self._unkept_from: int | None = None
        self._unkept_to = -1
        self.unflushed_since: float | None = None
        self.path = file.path

    @property
    def unkept(self) -> tuple[int, int] | None:
        """First and last t of the lines that are not on disk."""
        return None if self._unkept_from is None else (self._unkept_from, self._unkept_to)

    @property
    def unkept_lines(self) -> int:
        """The number of lines that are not on disk."""
        return self._counts.lines - self._kept.lines

    @property
    def directory_change(self) -> DirectoryChange:
        """The change of the directory when the file got its present name, or was removed again."""
        return self._file.directory_change

    @property
    def start_t(self) -> int:
        """The t of the first message on disk; the one it was opened with while there is none."""
        return self._named_t if self._kept.start_t is None else self._kept.start_t

    @property
    def last_kept_t(self) -> int | None:
        """The t of the last message on disk."""
        return self._kept.end_t

    def add(self, line: bytes, t: int, now: float) -> None:
        """Takes the message of tick `t`, one line without its newline."""
        self._take(line, t, t, now)
        counts = self._counts
        if counts.start_t is None:
            counts.start_t = t
        counts.end_t = t

    def add_gap(self, line: bytes, from_t: int, to_t: int, now: float) -> None:
        """Takes a gap line."""
        end_t = self._counts.end_t
        # A gap line may come after newer messages. A seek point before them would mislead readers.
        self._take(line, from_t if end_t is None else max(from_t, end_t + 1), to_t, now)
        self._counts.gaps += 1

    def flush(self) -> None:
        """Puts every line taken so far on disk, decodable, by a block flush inside the frame."""
        self.unflushed_since = None
        if self._unkept_from is not None:
            self._write(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end_frame(self) -> None:
        """Ends the open frame; the next line begins another."""
        if self._frame_text_bytes:
            self._write(zstandard.COMPRESSOBJ_FLUSH_FINISH)
            self._frame_text_bytes = 0

    def seal(self, now: float) -> SegmentFacts:
        """Ends the frame, syncs the file under its final name, and closes it."""
        self.end_frame()
        return self._sealed(self._file.seal(), now)

    def rescue(self, now: float) -> SegmentFacts | None:
        """After an OSError: cuts the file back to what was kept and seals that; None if that is nothing.

        A few bytes complete the open frame, so this mostly works on a full disk too. If it does not, it raises OSError:
        the file then stays pending and recoverable, and rescue can be tried again.
        """
        if not self._file.bytes:
            self._file.remove()
            return None
        try:
            self._file.cut_back()
            self._end_kept_frame()
            return self._sealed(self._file.seal(), now)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Closes the file as it is on disk: it is another process's now."""
        self._file.close()

    def facts(self) -> SegmentFacts:
        """The segment's present facts on disk."""
        kept = self._kept
        start_t = self.start_t
        return SegmentFacts(
            kind=self._kind,
            name=self._name,
            start_t=start_t,
            end_t=start_t - 1 if kept.end_t is None else kept.end_t,
            lines=kept.lines,
            bytes=self._file.bytes,
            text_bytes=kept.text_bytes,
            opened_at=self._opened_at,
            sealed_at=None,
            pending=True,
            seek_points=self._kept_seek_points,
            gaps=kept.gaps,
            sha256="",
            directory_change=self.directory_change,
        )

    def _take(self, line: bytes, first_t: int, last_t: int, now: float) -> None:
        size = len(line) + 1
        if self._frame_text_bytes and (
            self._frame_text_bytes + size > FRAME_TEXT_BYTES or not 0 <= now - self._frame_began < FRAME_SECONDS
        ):
            self.end_frame()
        if not self._frame_text_bytes:
            self._begin_frame(first_t, now)
        self._frame_text_bytes += size
        self._held.append(line)
        self._held_bytes += size
        self._counts.lines += 1
        if self._unkept_from is None:
            self._unkept_from = first_t
        self._unkept_to = last_t
        if self.unflushed_since is None:
            self.unflushed_since = now
        if self._held_bytes >= _PIECE_BYTES:
            self._compress()

    def _begin_frame(self, first_t: int, now: float) -> None:
        self._frame = self._compressor.compressobj()
        self._frame_began = now
        self._seek_points.append((first_t, self._file.bytes))

    def _compress(self) -> None:
        if self._held:
            self._held.append(b"")  # the last line's newline
            self._compressed.append(self._frame.compress(b"\n".join(self._held)))
            self._held.clear()
            self._counts.text_bytes += self._held_bytes
            self._held_bytes = 0

    def _write(self, how: int) -> None:
        self._before_disk()
        self._compress()
        self._compressed.append(self._frame.flush(how))
        self._file.append(b"".join(self._compressed))
        self._compressed.clear()
        self._kept = replace(self._counts)
        if len(self._kept_seek_points) < len(self._seek_points):
            self._kept_seek_points = tuple(self._seek_points)
        self._unkept_from = None

    def _end_kept_frame(self) -> None:
        """Completes the frame that the last kept piece left open, if any."""
        start = self._kept_seek_points[-1][1]
        with self._file.path.open("rb") as file:
            try:
                frame = read_frame(file, start)
            except DamagedFrame as error:
                raise OSError(errno.EIO, f"not what was written is read back: {error}") from error
        if frame.end is None and frame.cut < self._file.bytes:
            raise OSError(errno.EIO, f"not what was written is read back: {frame.fault}")
        if frame.end is None:
            self._file.append(frame_ending(frame.text))

    def _sealed(self, sha256: str, now: float) -> SegmentFacts:
        return replace(self.facts(), sealed_at=now, pending=False, sha256=sha256)
