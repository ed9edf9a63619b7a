"""How far a backtest is, in the words of its progress message."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

#: A backtest that takes longer is ended.
LONGEST_SECONDS = 3600.0


class Span(NamedTuple):
    """From the opening of the first bar that is played to the close of the last, in milliseconds."""

    first_ms: int
    last_ms: int

    def part(self, at_ms: int) -> float:
        """How much of it has gone by, from 0 to 1."""
        return min(1.0, max(0.0, (at_ms - self.first_ms) / max(1, self.last_ms - self.first_ms)))


def progress_of(span: Span, at_ms: int, seconds: float, *, over: bool) -> dict[str, Any]:
    """The data of a message: bars up to `at_ms` were played in so many seconds.

    Days are days of UTC that the span touches; one counts as completed when its last bar was played.
    """
    part = span.part(at_ms)
    first, last = _day(span.first_ms), _day(max(span.first_ms, span.last_ms - 1))
    total = (last - first).days + 1
    at = min(last, max(first, _day(at_ms)))
    return {
        "progress": round(part, 6),
        "current_date": at.isoformat(),
        "total_days": total,
        "completed_days": total if part == 1 else (at - first).days,
        "estimated_remaining": 0 if over else _remaining(part, seconds),
    }


def _remaining(part: float, seconds: float) -> int:
    """Whole seconds, at the pace so far; no more than a backtest may take."""
    most = max(0.0, LONGEST_SECONDS - seconds)
    return round(min(most, seconds * (1 - part) / part)) if part else round(most)


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
