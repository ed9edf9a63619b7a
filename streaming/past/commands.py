"""What a client may say to its replay: pause, play, seek."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from runtime.shown import shown
from streaming.past.request import Bound, bound_of, speed_of
from streaming.protocol import LARGEST_T, StreamError

COMMANDS = ("pause", "play", "seek")

#: So many may wait for a client that does not take what was sent before.
MOST_COMMANDS = 100


class BadCommand(Exception):
    """A message that is no command of a replay."""


@dataclass(frozen=True, slots=True)
class Command:
    """One of COMMANDS. `speed` is that of a play, None for the one before; `to` is where a seek goes."""

    name: str
    speed: float | None = None
    to: Bound | None = None


def parse_command(text: str | None) -> Command:
    """The command in a client's message; None is a binary one. Raises BadCommand."""
    try:
        message = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise BadCommand(f"a command is a JSON object whose type is one of {', '.join(COMMANDS)}")
    name = message.get("type")
    if name not in COMMANDS:
        raise BadCommand(f"type must be one of {', '.join(COMMANDS)}, got {shown(name)}")
    try:
        speed = speed_of(message["speed"]) if name == "play" and message.get("speed") is not None else None
    except StreamError as refused:
        raise BadCommand(refused.detail) from None
    return Command(name, speed, _place(message.get("t")) if name == "seek" else None)


def _place(value: Any) -> Bound:
    """Where to seek: a t, or a time as text. Raises BadCommand."""
    if type(value) is int and 0 <= value <= LARGEST_T:
        return Bound(t=value)
    try:
        if isinstance(value, str):
            return bound_of(value)
    except StreamError:
        pass
    raise BadCommand(f"t must be an integer from 0 to {LARGEST_T}, or a time in ISO 8601, got {shown(value)}")
