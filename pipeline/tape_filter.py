"""Tapes of which some reach further than others, as a crash leaves them: what one holds is not written again."""

from __future__ import annotations

from typing import Any

from recorder.segment.layout import KINDS
from recorder.tape.recording import Recording


class TapeFilter:
    """The tapes of a run that goes on behind the last tick on disk; `ends` gives the last t on disk of each kind.

    A simulator makes what one tape lacks again before it goes on. Where ticks come from another server, which may be
    away, that is left for when they come.
    """

    def __init__(self, tapes: Recording, ends: dict[str, int]) -> None:
        self._tapes, self._ends = tapes, ends
        self._last = max(ends.values())

    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None:
        if t <= self._last:
            tick, frame, metric = (
                None if t <= self._ends[kind] else message
                for kind, message in zip(KINDS, (tick, frame, metric), strict=True)
            )
        self._tapes.write(t, tick, metric, frame)

    def write_gap(self, from_t: int, to_t: int, reason: str, kind: str | None = None) -> None:
        if from_t > self._last:
            self._tapes.write_gap(from_t, to_t, reason, kind)
            return
        for each in KINDS if kind is None else (kind,):
            first = max(from_t, self._ends[each] + 1)
            if first <= to_t:
                self._tapes.write_gap(first, to_t, reason, each)

    @property
    def segment_start(self) -> int | None:
        return self._tapes.segment_start

    @property
    def stopped(self) -> bool:
        return self._tapes.stopped

    def holds(self, from_t: int) -> bool:
        return self._tapes.holds(from_t)

    def flush_if_due(self) -> None:
        self._tapes.flush_if_due()

    def close(self) -> None:
        self._tapes.close()

    def current_segment(self) -> dict[str, Any] | None:
        return self._tapes.current_segment()
