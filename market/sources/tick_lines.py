"""Ticks as text, one JSON message a line: from pieces of the text to checked ticks, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from market.sources.source import SourceError
from market.tick import Tick, TickError
from market.timestamps import TimestampCheck

#: A line beyond this is no tick (10,000 agents make about 1.5 MB), and must not fill the memory.
MOST_LINE_BYTES = 64 * 2**20


class Unreadable(Exception):
    """The reason why the next line of a text cannot be read."""


def ticks_of(pieces: Iterator[bytes], name: str, most_step_seconds: float, played_t: int = -1) -> Iterator[Tick]:
    """The ticks after `played_t` of a text that comes in pieces; t must rise, and ts be one that `TimestampCheck` lets
    pass.

    Blank lines and the `gap` messages of recorded tapes are skipped. Pieces may raise Unreadable. Raises SourceError
    for a line that is not a tick, with `name` and the number of the line.
    """
    number, last_t, sequence = 0, -1, TimestampCheck(most_step_seconds)
    try:
        for number, line in enumerate(_lines(pieces), start=1):  # noqa: B007 - errors have it
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


def bounded(line_bytes: int) -> None:
    """Raises Unreadable for a line of more bytes than a tick can have."""
    if line_bytes > MOST_LINE_BYTES:
        raise Unreadable(f"a line of more than {MOST_LINE_BYTES:,} bytes")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytearray]:
    """The lines of a text that comes in pieces, without their ends; the last may lack one."""
    line = bytearray()
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            line += end
            bounded(len(line))
            yield line
            line = bytearray()
        line += rest
        bounded(len(line))
    if line:
        yield line


def _tick(line: bytearray) -> Tick | None:
    if not line or line.isspace():
        return None
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TickError(_why_not_json(line, error)) from None
    if isinstance(message, dict) and message.get("type") == "gap":
        return None
    return Tick.from_dict(message)


def _why_not_json(line: bytearray, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as undecodable:
        return f"not UTF-8: {undecodable.reason} at byte {undecodable.start}"
    return f"not JSON: {error}"
