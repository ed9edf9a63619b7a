"""A recording: the three tapes of one market, written side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from recorder.errors import RecorderError
from recorder.format import KINDS, SegmentFacts
from recorder.writer import ZstdSegmentWriter


class Recording:
    """Writes each t's frame, metric and tick to their tapes. `clock` gives Unix seconds.

    `on_change` gets the facts of each segment that was opened, flushed or sealed.
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
    ) -> None:
        self._directory = directory
        self._tapes = {
            kind: ZstdSegmentWriter(
                kind,
                directory,
                segment_seconds,
                level,
                clock=clock,
                flush_seconds=flush_seconds,
                on_change=on_change,
            )
            for kind in KINDS
        }
        self._ticks, self._frames, self._metrics = (self._tapes[kind] for kind in KINDS)

    @property
    def segment_start(self) -> int | None:
        """The t with which the open tick segment begins."""
        return None if self._ticks.facts is None else self._ticks.facts.start_t

    @property
    def open_files(self) -> list[Path]:
        """The files being written."""
        return [self._directory / t.kind / t.facts.file for t in self._tapes.values() if t.facts]

    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None:
        """Record the messages of one t. Raises StoreError."""
        self._roll(t)
        if frame is not None:
            self._frames.write_jsonline(frame, t)
        if metric is not None:
            self._metrics.write_jsonline(metric, t)
        if tick is not None:
            self._ticks.write_jsonline(tick, t)

    def write_gap(self, from_t: int, to_t: int, reason: str) -> None:
        """Record a loss in every tape, where it happened. Raises StoreError."""
        for tape in self._tapes.values():
            tape.write_gap(from_t, to_t, reason)

    def flush_if_due(self) -> None:
        """Bring waiting lines to disk when they have waited long enough. Raises StoreError."""
        for tape in self._tapes.values():
            tape.flush_if_due()

    def flush(self) -> None:
        """Hand every line to the operating system. Raises StoreError."""
        for tape in self._tapes.values():
            tape.flush()

    def close(self) -> None:
        """Seal every tape. Raises StoreError, after trying all of them."""
        failed = None
        for tape in self._tapes.values():
            try:
                tape.close()
            except RecorderError as error:
                failed = error
        if failed is not None:
            raise failed

    def current_segment(self) -> dict[str, Any] | None:
        """The open tick segment in the words of `/health`."""
        facts = self._ticks.facts
        if facts is None:
            return None
        return {
            "start_t": facts.start_t,
            "lines": facts.lines,
            "compressed_bytes": facts.bytes,
            "pending": facts.pending,
        }

    def _roll(self, t: int) -> None:
        for tape in self._tapes.values():
            tape.roll_if_needed(t)
