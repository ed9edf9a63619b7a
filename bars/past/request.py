"""Which part of the past a client wants as bars, and how fast; in a message, or in a socket's query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bars.making.times import to_ms
from runtime.shown import shown
from streaming.past.request import speed_of
from streaming.protocol import StreamError

_FIELDS = ("from", "to", "speed")


@dataclass(frozen=True, slots=True)
class PastBars:
    """The bars that end after `from_ms`, and by `to_ms`; without it up to the present, and then live.

    `speed` is market seconds a second; 0 is as fast as the client takes them.
    """

    from_ms: int
    to_ms: int | None = None
    speed: float = 1.0


def past_in_message(value: object) -> PastBars:
    """The request in the field `replay` of a message. Raises ValueError."""
    if not isinstance(value, dict) or "from" not in value:
        raise ValueError(f'replay must be an object {{"from":ms,"to":ms,"speed":60}}, got {shown(value)}')
    for name in value:
        if name not in _FIELDS:
            raise ValueError(f"replay has the fields {', '.join(_FIELDS)}, got {shown(name)}")
    to = value.get("to")
    ends = moment_of("replay.from", value["from"]), None if to is None else moment_of("replay.to", to)
    return _checked(*ends, speed_in(value.get("speed", 1)))


def past_in_query(query: Mapping[str, list[str]]) -> PastBars | None:
    """The request in a decoded query (`replay=T0..T1&speed=60`, T1 may be missing); None without any.

    Other parameters are ignored. Raises ValueError.
    """
    if "replay" not in query:
        return None
    text = query["replay"][-1]
    begin, dots, end = text.partition("..")
    if not dots or not begin:
        raise ValueError(f"replay must be T0..T1 or T0.., each milliseconds or a time by ISO 8601, got {shown(text)}")
    speed = query.get("speed", ["1"])[-1]
    ends = moment_of("replay", begin), moment_of("replay", end) if end else None
    return _checked(*ends, speed_in(_number(speed)))


def moment_of(name: str, value: object) -> int:
    """A moment in milliseconds, from such a number or an ISO 8601 text. Raises ValueError with the field's name."""
    if type(value) not in (int, str):
        raise ValueError(f"{name} must be milliseconds or a time by ISO 8601, got {shown(value)}")
    try:
        return to_ms(str(value))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def speed_in(value: Any) -> float:
    """A speed. Raises ValueError."""
    try:
        return speed_of(value)
    except StreamError as error:
        raise ValueError(error.detail) from None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _checked(from_ms: int, to_ms: int | None, speed: float) -> PastBars:
    if to_ms is not None and to_ms < from_ms:
        raise ValueError(f"replay must not end before it begins, got from={from_ms} and to={to_ms}")
    return PastBars(from_ms, to_ms, speed)
