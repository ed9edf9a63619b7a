"""A closed bar as strategies see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from bars.making.ohlcv import Ohlcv


class Bar(NamedTuple):
    """Times are epoch milliseconds; `close_time` is where the period ends."""

    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def seen(bar: Ohlcv) -> Bar:
    """The view of a bar that a strategy gets."""
    return Bar(bar.open_ms, bar.close_ms, bar.open, bar.high, bar.low, bar.close, bar.volume)


def iso(ms: int) -> str:
    """A time as people read it, to the second; as it is where no calendar has it (results of older versions)."""
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
