"""What the process of a market tells of itself, once a second, with its message to the web processes.

It serves no HTTP where it runs on its own. Pure: no Django, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runtime.measured import SECONDS, Histogram


@dataclass(frozen=True, slots=True)
class Timing:
    """A histogram of seconds with the bounds `runtime.measured.SECONDS`."""

    counts: Sequence[int]
    sum: float

    @classmethod
    def of(cls, histogram: Histogram) -> Timing:
        return cls(tuple(histogram.counts), histogram.sum)


@dataclass(frozen=True, slots=True)
class MarketFigures:
    """The figures of one market.

    - `ticks`: made by this process; `cpu_seconds`: by part of the pipeline; `memory_bytes`: of the process.
    - `late_seconds`: how far the newest tick lags the clock that it goes by: when it was due, or, of a source that sets
      the pace, its ts. None if nothing is ever due.
    - `checkpoint_age_seconds`: since the last checkpoint was kept; None of a source without checkpoints.
    - `overdue_ticks`, `unpublished`, `unwritten_rows`: what waits to be made, to be sent, to be written.
    - `flushes`, `seals`: by kind of segment, how long each took.
    """

    ticks: int
    late_seconds: float | None
    checkpoint_age_seconds: float | None
    overdue_ticks: int
    unpublished: int
    unwritten_rows: int
    memory_bytes: int
    cpu_seconds: Mapping[str, float]
    flushes: Mapping[str, Timing]
    seals: Mapping[str, Timing]

    def message(self) -> dict[str, Any]:
        """Dicts, lists and numbers alone."""
        return asdict(self)


def figures_in(message: dict[str, Any] | None) -> MarketFigures | None:
    """The figures in a message; None if it has none, or those of another version."""
    if message is None:
        return None
    try:
        timings = {name: _timings(message[name]) for name in ("flushes", "seals")}
        return MarketFigures(**{**message, **timings})
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _timings(told: Mapping[str, Mapping[str, Any]]) -> dict[str, Timing]:
    """Raises ValueError for buckets of other bounds, AttributeError, KeyError and TypeError for anything else."""
    found = {kind: Timing(tuple(one["counts"]), float(one["sum"])) for kind, one in told.items()}
    if any(len(one.counts) != len(SECONDS) + 1 for one in found.values()):
        raise ValueError("buckets of other bounds")
    return found
