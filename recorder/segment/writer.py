"""ZstdSegmentWriter: takes the messages of one kind and writes them to segments, by a given clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from recorder.errors import BadLine, BadOrder, StoreError
from recorder.segment.layout import SegmentFacts, SegmentName, check_kind, gap_line, make_name
from recorder.segment.listing import DirectoryChange
from recorder.segment.open_segment import OpenSegment
from recorder.segment.segment_file import SegmentFile
from recorder.segment.zstd_frames import compressor
from runtime.measured import Histogram


class ZstdSegmentWriter:
    """Writes the messages of one kind (ticks, frames or metrics) of one market to `store_dir/kind`.

    `clock` gives Unix seconds and may jump. Messages are on disk, decodable, at most `flush_seconds` after the first
    unflushed line, if the writer is called: write_jsonline checks the clock, and a caller that waits calls
    flush_if_due. `on_change(facts)` is called after each flush and after each sealing. `on_file(kind, name, change)` is
    called when a file was created under that final name, or when an empty one was removed (then the name is "");
    `change` is what that did to the directory. Neither may block. `before_disk()` is called each time lines are about
    to go to disk, and may raise nothing. `behind` is the last segment of the kind so far. For one thread; only `facts`
    and `unkept_from` may be read from others.

    When the store cannot be written, every method that writes raises StoreError, which names the messages not kept. The
    file then ends with the last whole flush. It is sealed if the disk allows it, and otherwise left pending for
    recovery; the next message opens a new segment. The caller records the loss by write_gap, once the store takes data
    again.
    """

    def __init__(
        self,
        kind: str,
        store_dir: Path | str,
        segment_seconds: float,
        level: int,
        *,
        clock: Callable[[], float] = time.time,
        flush_seconds: float = 1.0,
        on_change: Callable[[SegmentFacts], None] | None = None,
        on_file: Callable[[str, str, DirectoryChange], None] = lambda kind, name, change: None,
        before_disk: Callable[[], None] = lambda: None,
        behind: SegmentName | None = None,
    ) -> None:
        self.kind = check_kind(kind)
        self._directory = Path(store_dir) / kind
        self._segment_seconds = segment_seconds
        self._compressor = compressor(level)
        self._clock = clock
        self._flush_seconds = flush_seconds
        self._on_change, self._on_file, self._before_disk = on_change, on_file, before_disk
        self._segment: OpenSegment | None = None
        self._behind = behind
        self._age_counts_from = 0.0
        self._last_t = self._last_t_before = -1
        self._unsealed: list[OpenSegment] = []
        #: How long each flush and each sealing took, whether it failed or not.
        self.flush_times, self.seal_times = Histogram(), Histogram()

    @property
    def facts(self) -> SegmentFacts | None:
        """The facts of the open segment on disk; None while none is open."""
        segment = self._segment
        return None if segment is None else segment.facts()

    @property
    def start_t(self) -> int | None:
        """`start_t` of the facts; needed at every tick, and ten times as cheap as the facts."""
        segment = self._segment
        return None if segment is None else segment.start_t

    @property
    def unkept_from(self) -> int | None:
        """The first t that was taken and is not on disk; None without one."""
        segment = self._segment
        unkept = None if segment is None else segment.unkept
        return None if unkept is None else unkept[0]

    def write_jsonline(self, obj: Mapping[str, Any] | bytes, t: int) -> None:
        """Takes the message of tick `t`: a dict, or its JSON as bytes without a newline.

        Raises BadOrder unless t is above the last one, BadLine, StoreError.
        """
        line = obj if isinstance(obj, bytes) else orjson.dumps(obj)
        if b"\n" in line:
            raise BadLine(t, line.index(b"\n"), len(line))
        if t <= self._last_t:
            raise BadOrder(f"t of {self.kind} must rise: {t} came after {self._last_t}")
        now = self._clock()
        segment = self._segment or self._open(t, now, refused=(t, t))
        try:
            segment.add(line, t, now)
        except OSError as error:
            raise self._fail(segment, error, now, refused=(t, t)) from error
        self._last_t = t
        self._flush_if_due(segment, now)

    def write_gap(self, from_t: int, to_t: int, reason: str) -> None:
        """Takes a loss of the messages `from_t .. to_t`, as a line of its own.

        `reason` is "slow", "expired" or "lost". Raises BadOrder, BadName, StoreError.
        """
        line = gap_line(self.kind, from_t, to_t, reason)
        now = self._clock()
        segment = self._segment or self._open(to_t + 1, now, refused=(from_t, to_t))
        try:
            segment.add_gap(line, from_t, to_t, now)
        except OSError as error:
            raise self._fail(segment, error, now, refused=(from_t, to_t)) from error
        self._flush_if_due(segment, now)

    def roll_if_needed(self, t: int) -> bool:
        """At tick `t`, written already or not: seals a segment older than `segment_seconds`; returns whether it did.

        The next message opens the next segment and gives it its name. Raises StoreError.
        """
        segment, now = self._segment, self._clock()
        if segment is None:
            return False
        if now < self._age_counts_from:
            self._age_counts_from = now  # the clock went back: age is counted from now, or no segment would ever roll
        if now - self._age_counts_from < self._segment_seconds:
            return False
        self._seal(segment, now)
        return True

    def flush_if_due(self) -> None:
        """Flushes if the first unflushed line is `flush_seconds` old. Raises StoreError."""
        if self._segment is not None:
            self._flush_if_due(self._segment, self._clock())

    def flush(self) -> None:
        """Puts every line on disk, decodable. Raises StoreError."""
        if self._segment is not None:
            self._flush(self._segment)

    def close(self) -> None:
        """Seals the open segment; does nothing without one. Raises StoreError."""
        if self._segment is not None:
            self._seal(self._segment, self._clock())
        self._seal_left_behind(self._clock())

    def abandon(self) -> None:
        """Leaves the open segment as it is on disk, and writes nothing: it is another process's now."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.abandon()

    def _open(self, start_t: int, now: float, refused: tuple[int, int]) -> OpenSegment:
        name = self._name(now, start_t)
        try:
            while self._is_taken(name):
                # After a failure the same t may open a segment twice within the second that names hold.
                name = SegmentName(name.opened_at + 1, start_t, pending=True)
            file = SegmentFile(self._directory, name)
        except OSError as error:
            failed = StoreError(self._directory / name.file, error, lost=refused, lost_lines=1)
            raise self._account(failed) from error
        self._behind = name
        self._segment = OpenSegment(self.kind, name, file, self._compressor, now, self._before_disk)
        self._on_file(self.kind, name.lasting, file.directory_change)
        self._age_counts_from = now
        self._last_t_before = self._last_t
        self._seal_left_behind(now)
        return self._segment

    def _name(self, now: float, start_t: int) -> SegmentName:
        """A name that comes after that of the segment before, also where that is of gaps alone and begins with the same
        t, and the clock has gone back since."""
        name, before = make_name(now, start_t, pending=True), self._behind
        if before is not None and before.start_t == start_t and name.opened_at <= before.opened_at:
            return SegmentName(before.opened_at + 1, start_t, pending=True)
        return name

    def _is_taken(self, name: SegmentName) -> bool:
        return (self._directory / name.file).exists() or (self._directory / name.lasting).exists()

    def _flush_if_due(self, segment: OpenSegment, now: float) -> None:
        since = segment.unflushed_since
        if since is not None and not 0 <= now - since < self._flush_seconds:
            self._flush(segment)

    def _flush(self, segment: OpenSegment) -> None:
        try:
            with self.flush_times.timed():
                segment.flush()
        except OSError as error:
            raise self._fail(segment, error, self._clock()) from error
        self._tell(segment.facts())

    def _seal(self, segment: OpenSegment, now: float) -> None:
        try:
            with self.seal_times.timed():
                facts = segment.seal(now)
        except OSError as error:
            raise self._fail(segment, error, now) from error
        self._segment = None
        self._tell(facts)

    def _fail(
        self, segment: OpenSegment, cause: OSError, now: float, refused: tuple[int, int] | None = None
    ) -> StoreError:
        """Abandons the segment, sealed if possible now, and returns what was not kept."""
        self._segment = None
        ranges = [r for r in (segment.unkept, refused) if r is not None]
        lost = (ranges[0][0], ranges[-1][1]) if ranges else None
        lost_lines = segment.unkept_lines + (refused is not None)
        kept_t = segment.last_kept_t
        self._last_t = self._last_t_before if kept_t is None else kept_t  # lost messages may be handed in again
        self._unsealed.append(segment)
        self._seal_left_behind(now)
        return self._account(StoreError(segment.path, cause, lost=lost, lost_lines=lost_lines))

    def _account(self, error: StoreError) -> StoreError:
        """Called with each error before it is raised, to account for losses."""
        return error

    def _seal_left_behind(self, now: float) -> None:
        """Tries to seal the segments that a failure left pending, and keeps those that cannot be sealed yet."""
        segments, self._unsealed = self._unsealed, []
        for segment in segments:
            try:
                facts = segment.rescue(now)
            except OSError:
                self._unsealed.append(segment)  # StoreError has reported the failure itself
                facts = segment.facts()
            if facts is None:
                self._on_file(self.kind, "", segment.directory_change)
            elif facts.lines:
                self._tell(facts)

    def _tell(self, facts: SegmentFacts) -> None:
        if self._on_change is not None:
            self._on_change(facts)
