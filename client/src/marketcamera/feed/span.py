"""The span: which part of the past a feed replays, and how fast, in one text."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from marketcamera.moments import milliseconds


@dataclass(frozen=True, slots=True)
class Span:
    """The bars that end after `from_ms`, and by `to_ms` (None: up to the present, and then live).

    `speed` is market seconds a second; 0 is as fast as they are taken.
    """

    from_ms: int
    to_ms: int | None
    speed: float

    def behind(self, from_ms: int) -> dict[str, Any]:
        """What CONNECT says to have the rest of it, from a moment on."""
        return {"from": from_ms, "to": self.to_ms, "speed": self.speed}


def span_of(text: str) -> Span:
    """From `T0..T1@60`, each end an ISO 8601 time or milliseconds; T1 and the speed, 1, may be missing.

    Raises ValueError.
    """
    ends, at, speed = text.strip().partition("@")
    begin, dots, end = ends.partition("..")
    try:
        span = Span(_moment(begin), _moment(end) if end.strip() else None, float(speed) if at else 1.0)
    except ValueError as error:
        raise _wrong(text, str(error)) from None
    if not dots:
        raise _wrong(text, "there is no ..")
    if not (isfinite(span.speed) and span.speed >= 0):
        raise _wrong(text, "the speed is not a number of at least 0")
    if span.to_ms is not None and span.to_ms < span.from_ms:
        raise _wrong(text, "it ends before it begins")
    return span


def _moment(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) > 8 else milliseconds(text)


def _wrong(text: str, reason: str) -> ValueError:
    return ValueError(
        f"a replay is T0..T1@SPEED, such as 2026-11-28T10:00:00Z..2026-11-28T12:00:00Z@60: {reason}, got {text!r}"
    )
