"""Which part of the past a client asks for, and how fast: one form for every socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runtime.shown import shown
from streaming.protocol import CLOSE_BAD_PARAMETER, LARGEST_T, StreamError

#: More than any reader could follow; such a replay is one at speed 0.
MOST_SPEED = 1_000_000.0
LEAST_SPEED = 0.001
_T = re.compile(r"[0-9]{1,16}", re.ASCII)
_SPEED = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?", re.ASCII)
_SPEEDS = f"speed must be 0 or from {LEAST_SPEED} to {MOST_SPEED:.0f}"
_FORM = "replay must be T0..T1 or T0.., each a t or a time such as 2026-11-28T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a part of a recording: a t, or a moment of market time in Unix seconds. The other one is None."""

    t: int | None = None
    ts: float | None = None


@dataclass(frozen=True, slots=True)
class PastRequest:
    """Both ends belong to the part. Without an `end` it reaches to the present, and goes on live from there.

    `speed` is market seconds a second; 0 is as fast as the client takes it.
    """

    begin: Bound
    end: Bound | None = None
    speed: float = 1.0


def parse_past(replay: str, speed: str | None = None) -> PastRequest:
    """The request in the query's `replay` and `speed`. Raises StreamError."""
    begin, dots, end = replay.partition("..")
    if not dots or not begin:
        raise bad_replay(f"{_FORM}, got {shown(replay)}")
    request = PastRequest(
        bound_of(begin), bound_of(end) if end else None, 1.0 if speed is None else _parsed_speed(speed)
    )
    check_order(request)
    return request


def bound_of(text: str) -> Bound:
    """A t, or a time in ISO 8601, which is in UTC if it names no zone. Raises StreamError."""
    if _T.fullmatch(text) and int(text) <= LARGEST_T:
        return Bound(t=int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or "-" not in text:  # digits alone are a t, and no date
        hint = "; a + in a query is written %2B" if re.search(r"\d \d\d:?\d\d$", text) else ""
        raise bad_replay(f"{_FORM}, got {shown(text)}{hint}")
    return Bound(ts=(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def speed_of(value: Any) -> float:
    """A speed as JSON gave it. Raises StreamError."""
    if type(value) not in (int, float) or not (value == 0 or LEAST_SPEED <= value <= MOST_SPEED):
        raise bad_replay(f"{_SPEEDS}, got {shown(value)}")
    return float(value)


def check_order(request: PastRequest) -> None:
    """Raises StreamError where the end lies before the beginning, as far as both are of one sort."""
    begin, end = request.begin, request.end
    if end is None:
        return
    if None not in (begin.t, end.t) and end.t < begin.t:  # type: ignore[operator]
        raise bad_replay(f"a replay must not end before it begins, got t from {begin.t} to {end.t}")
    if None not in (begin.ts, end.ts) and end.ts < begin.ts:  # type: ignore[operator]
        raise bad_replay(f"a replay must not end before it begins, got Unix seconds from {begin.ts} to {end.ts}")


def bad_replay(detail: str) -> StreamError:
    return StreamError("bad_parameter", detail, CLOSE_BAD_PARAMETER)


def _parsed_speed(text: str) -> float:
    if not _SPEED.fullmatch(text):
        raise bad_replay(f"{_SPEEDS}, got {shown(text)}")
    return speed_of(float(text))
