"""A recording: the three tapes of one market, written side by side, stopped and resumed together."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recorder.errors import RecordingStopped, StoreError
from recorder.segment.layout import KINDS, SegmentFacts, SegmentName
from recorder.segment.listing import DirectoryChange
from recorder.tape.high_water_mark import StreamMark
from recorder.tape.room import look_for_room
from recorder.tape.tape_writer import TapeWriter
from runtime.measured import Histogram

#: How often the store is checked while it takes data, and retried while it does not.
LOOK_SECONDS = 1.0


class Recording:
    """Writes each t's frame, metric and tick to their tapes. `clock` gives Unix seconds and may jump.

    When the store takes no data, the three tapes stop together, `on_trouble` is called once, and further messages count
    as lost. The store is retried about once a second, if the recording is called: `write` does it, and a caller that
    waits calls `flush_if_due`. When the store takes data again, each tape gets one gap line, from the first to the last
    of its messages that were not kept, and `on_recovered` is called. Both get a sentence.

    `hold` is called before the store is checked. It ensures that the directory is there and belongs to this process,
    and may raise StoreError, which counts as trouble; any other error ends the recording. `is_mine` says whether it
    still belongs to this process: to a store that is another's nothing is written at the end. `settle` is called before
    each t is written, and may raise likewise: it brings to the disk what the messages refer to. `on_change`, `on_file`
    and `behind` of each kind are those of `ZstdSegmentWriter`. `mark` is kept ahead of every t that is handed in.

    On disk the tick tape is never ahead of the others: a reader that has tick t, and reads the others afterwards, finds
    everything they have up to t.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_seconds: float,
        level: int,
        flush_seconds: float,
        clock: Callable[[], float],
        on_change: Callable[[SegmentFacts], None] | None = None,
        on_file: Callable[[str, str, DirectoryChange], None] = lambda kind, name, change: None,
        on_trouble: Callable[[str], None] = lambda message: None,
        on_recovered: Callable[[str], None] = lambda message: None,
        hold: Callable[[], None] = lambda: None,
        settle: Callable[[], None] = lambda: None,
        is_mine: Callable[[], bool] = lambda: True,
        mark: StreamMark | None = None,
        behind: Mapping[str, SegmentName] | None = None,
    ) -> None:
        self._directory, self._clock, self._hold, self._settle, self._mark = directory, clock, hold, settle, mark
        self._on_trouble, self._on_recovered, self._is_mine = on_trouble, on_recovered, is_mine
        self._tapes = {
            kind: TapeWriter(
                kind,
                directory,
                segment_seconds,
                level,
                clock=clock,
                flush_seconds=flush_seconds,
                on_change=on_change,
                on_file=on_file,
                before_disk=self._flush_others if kind == "ticks" else lambda: None,
                behind=None if behind is None else behind.get(kind),
            )
            for kind in KINDS
        }
        self._ticks, self._frames, self._metrics = (self._tapes[kind] for kind in KINDS)
        self._trouble: StoreError | None = None
        self._failed_first: StoreError | None = None
        self._looked_at = clock()
        self._last_t = -1
        self._skip_to: dict[str, int] = {}
        self._skipping_to = -1
        self._closed = False

    @property
    def stopped(self) -> bool:
        """Whether messages are lost because the store takes no data."""
        return self._trouble is not None

    @property
    def unrecorded_to(self) -> int | None:
        """While stopped, the last lost tick; and until the end as many more as may be streamed before the next call.

        May be called from any thread.
        """
        lost = self._ticks.lost
        if self._trouble is None or lost is None:
            return None
        return lost[1] if self._mark is None or self._closed else lost[1] + self._mark.ahead

    @property
    def timings(self) -> dict[str, tuple[Histogram, Histogram]]:
        """How long each flush and each sealing took, by kind. May be read from any thread."""
        return {kind: (tape.flush_times, tape.seal_times) for kind, tape in self._tapes.items()}

    @property
    def segment_start(self) -> int | None:
        """The first t of the open tick segment."""
        return self._ticks.start_t

    @property
    def open_files(self) -> list[Path]:
        """The files being written."""
        facts = [tape.facts for tape in self._tapes.values()]
        return [self._directory / one.kind / one.file for one in facts if one is not None]

    def holds(self, from_t: int) -> bool:
        """Whether no message from this t on was lost: what was handed in is on the tapes, or waits to be flushed."""
        if self._trouble is not None:
            return False
        return max(self._ticks.whole_from, self._frames.whole_from, self._metrics.whole_from) <= from_t

    def still_writes(self, to_t: int) -> bool:
        """Whether ticks up to this t are not on the tape yet, and will be. May be asked from any thread."""
        from_t = self._ticks.unkept_from
        return from_t is not None and from_t <= to_t

    def skip_to(self, ends: dict[str, int]) -> None:
        """From now on write nothing into a tape up to the t that it has on disk.

        A simulator first makes again what one tape lacks. If ticks come from another server, which may be unavailable,
        that waits until they arrive.
        """
        self._skip_to, self._skipping_to = ends, max(ends.values())

    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None:
        """Record the messages of one t."""
        messages = ((self._frames, frame), (self._metrics, metric), (self._ticks, tick))
        waiting = [(tape, message) for tape, message in messages if message is not None]
        if t <= self._skipping_to:
            waiting = [(tape, message) for tape, message in waiting if t > self._skip_to[tape.kind]]
        self._last_t = t
        if self._takes_data():
            try:
                self._settle()
                if self._mark is not None:
                    self._mark.cover(t)
                for tape in self._tapes.values():
                    tape.roll(t)
                while waiting:
                    tape, message = waiting[0]
                    tape.write(t, message)
                    del waiting[0]
                self._raise_failed_first()
            except StoreError as error:
                self._stop(error)
        for tape, _ in waiting:
            tape.lose(t, t)

    def write_gap(self, from_t: int, to_t: int, reason: str, kind: str | None = None) -> None:
        """Record a loss where it happened, in one tape or in all."""
        kinds = KINDS if kind is None else (kind,)
        firsts = ((self._tapes[one], max(from_t, self._skip_to.get(one, -1) + 1)) for one in kinds)
        waiting = [(tape, first_t) for tape, first_t in firsts if first_t <= to_t]
        if self._takes_data():
            try:
                while waiting:
                    tape, first_t = waiting[0]
                    tape.write_gap(first_t, to_t, reason)
                    del waiting[0]
                self._raise_failed_first()
            except StoreError as error:
                self._stop(error)
        for tape, first_t in waiting:
            tape.lose(first_t, to_t)

    def flush_if_due(self) -> None:
        """Write waiting lines to disk when they have waited long enough."""
        if self._takes_data():
            self._with_each(lambda tape: tape.flush_if_due())

    def flush(self) -> None:
        """Hand every line to the operating system. Raises StoreError if some are not there, as while stopped."""
        if not self._is_mine():
            raise StoreError(self._directory, OSError(errno.EPERM, "another process writes the market now"))
        if self._trouble is None:
            self._with_each(lambda tape: tape.flush())
        if self._trouble is not None:
            raise self._trouble

    def close(self) -> None:
        """Seal every tape. Raises StoreError after trying all of them, RecordingStopped if they had stopped.

        A store that is another process's now is left as it is: that one has sealed what was open, or will.
        """
        if not self._is_mine():
            return self._leave()
        failed = [error for tape in self._tapes.values() if (error := tape.seal()) is not None]
        failed += [] if self._failed_first is None else [self._failed_first]
        self._closed = True
        try:
            if self._mark is not None and self._last_t >= 0:
                self._mark.close(self._last_t)
        except StoreError as error:
            failed.append(error)
        if self._trouble is not None:
            raise RecordingStopped(self._trouble, self._losses()) from self._trouble
        if failed:
            raise failed[-1]

    def current_segment(self) -> dict[str, Any] | None:
        """The open tick segment as `/health` shows it; None while stopped."""
        facts = self._ticks.facts
        if facts is None:
            return None
        return {
            "start_t": facts.start_t,
            "lines": facts.lines,
            "compressed_bytes": facts.bytes,
            "pending": facts.pending,
        }

    def _leave(self) -> None:
        for tape in self._tapes.values():
            tape.abandon()
        if self._mark is not None:
            self._mark.leave()
        self._closed = True

    def _with_each(self, do: Callable[[TapeWriter], None]) -> None:
        try:
            for tape in self._tapes.values():
                do(tape)
            self._raise_failed_first()
        except StoreError as error:
            self._stop(error)

    def _flush_others(self) -> None:
        """Write the lines of the other tapes before ticks go to disk.

        Their failure must not count as one of the tick tape, which is being written, and is raised afterwards.
        """
        for tape in (self._frames, self._metrics):
            try:
                tape.flush()
            except StoreError as error:
                self._failed_first = error

    def _raise_failed_first(self) -> None:
        error, self._failed_first = self._failed_first, None
        if error is not None:
            raise error

    def _takes_data(self) -> bool:
        """Whether the recording continues, as far as one check a second can tell."""
        now = self._clock()
        if not 0 <= now - self._looked_at < LOOK_SECONDS:
            self._looked_at = now
            try:
                self._hold()
                if self._trouble is None:
                    for tape in self._tapes.values():
                        tape.look()
                else:
                    self._go_on(self._trouble)
            except StoreError as error:
                self._stop(error)
        return self._trouble is None

    def _stop(self, error: StoreError) -> None:
        """Abandon the open segments, sealed if possible; reported once, until the store is healthy again."""
        known, self._trouble = self._trouble, error
        for tape in self._tapes.values():
            tape.seal()
        self._failed_first = None  # it is one trouble
        if known is None:
            self._on_trouble(f"the recording has stopped, the stream goes on: {error}")

    def _go_on(self, trouble: StoreError) -> None:
        """Write its loss to every tape, on disk. Raises StoreError if the store does not take it."""
        for tape in self._tapes.values():
            tape.probe()
        if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
            look_for_room(self._directory)
        for tape in self._tapes.values():
            tape.find_what_is_gone()
        losses = self._losses()
        for tape in self._tapes.values():
            tape.tell_loss()
        for tape in self._tapes.values():
            tape.flush()
        self._raise_failed_first()
        self._trouble = None
        self._on_recovered(f"the recording goes on; lost: {losses}")

    def _losses(self) -> str:
        lost = [(kind, tape.lost) for kind, tape in self._tapes.items() if tape.lost is not None]
        return ", ".join(f"{kind} of t {first} to {last}" for kind, (first, last) in lost) or "nothing"
