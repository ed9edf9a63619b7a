"""The times of foreign segments: invalid market time is refused, with its line, before a segment is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from market.tick import TickError
from market.timestamps import TimestampCheck
from recorder.errors import DamagedFrame, DamagedLine
from recorder.segment.checked_lines import parsed

#: The most faults reported: if one line is in another unit, all are.
_MOST_FAULTS = 3

#: The beginnings of messages written by this project; those of another writer are parsed whole.
_OURS = re.compile(rb'\{"type":"[a-z]+","t":[0-9]+,"ts":(-?[0-9]+(?:\.[0-9]+)?)[,}]')


def time_faults(path: Path, most_step_seconds: float) -> Iterator[str]:
    """The faults in the ts of a segment's messages. Raises OSError.

    Steps count within a segment, because between two of them the market may have been down. A message without ts is
    placed by its t, as everywhere.
    """
    return islice(_faults(path, TimestampCheck(most_step_seconds)), _MOST_FAULTS)


def _faults(path: Path, sequence: TimestampCheck) -> Iterator[str]:
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in enumerate(parsed(file, path.parent.name), 1):
                if not line.is_gap and (why := _fault(line.text, sequence)):
                    yield f"line {number:,}: t={line.first_t}: {why}"
        except (DamagedFrame, DamagedLine):
            return  # what follows is reported by other checks, or cut off


def _fault(text: bytes, sequence: TimestampCheck) -> str:
    ours = _OURS.match(text)
    ts: Any = float(ours[1]) if ours else orjson.loads(text).get("ts")
    if ts is not None and (isinstance(ts, bool) or not isinstance(ts, int | float)):
        return f"ts must be a number, got {ts!r:.60}"
    try:
        sequence.take(ts)
    except TickError as error:
        return str(error)
    return ""
