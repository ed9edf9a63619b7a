"""Ticks as text, one JSON message a line: from pieces of the text to checked ticks, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from market.sources import text_file
from market.sources.source import SourceError
from market.sources.text_file import Unreadable
from market.tick import Tick, TickError
from market.timestamps import TimestampCheck


def ticks_of(pieces: Iterator[bytes], name: str, most_step_seconds: float, played_t: int = -1) -> Iterator[Tick]:
    """The ticks after `played_t` of a text that comes in pieces; t must rise, and ts be one that `TimestampCheck` lets
    pass.

    Blank lines and the `gap` messages of recorded tapes are skipped. Pieces may raise Unreadable. Raises SourceError
    for a line that is not a tick, with `name` and the number of the line.
    """
    number, last_t, sequence = 0, -1, TimestampCheck(most_step_seconds)
    try:
        for number, line in enumerate(text_file.lines(pieces), start=1):  # noqa: B007 - errors have it
            tick = _tick(line)
            if tick is None:
                continue
            if tick.t <= last_t:
                raise TickError(f"t must rise, got {tick.t} after {last_t}")
            last_t = tick.t
            if tick.t <= played_t:
                sequence.pass_over(tick.ts)
                continue
            sequence.take(tick.ts)
            yield tick
    except TickError as error:
        raise SourceError(f"{name}:{number}: {error}") from None
    except Unreadable as error:
        raise SourceError(f"{name}:{number + 1}: {error}") from None


def _tick(line: bytearray) -> Tick | None:
    if not line or line.isspace():
        return None
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TickError(text_file.why_not_json(line, error)) from None
    if isinstance(message, dict) and message.get("type") == "gap":
        return None
    return Tick.from_dict(message)
