"""Resolutions: how long the periods of bars are, and which bars are made of which."""

from __future__ import annotations

SECOND_MS = 1000

#: Every resolution with the length of its period, from the finest to the coarsest. Periods are aligned to UTC.
PERIOD_MS = {
    "1s": SECOND_MS,
    "5s": 5 * SECOND_MS,
    "1m": 60 * SECOND_MS,
    "5m": 300 * SECOND_MS,
    "15m": 900 * SECOND_MS,
    "1h": 3_600 * SECOND_MS,
    "4h": 14_400 * SECOND_MS,
    "1d": 86_400 * SECOND_MS,
}

#: Bars of ticks, and bars of those: kept in the database. The others are made of them.
STORED = ("1s", "1m")

#: What the bars of a resolution are put together from, live and when they are read: one way, so that every digit of a
#: sum comes out the same.
MADE_OF = {"1s": "1s", "5s": "1s", "1m": "1s", "5m": "1m", "15m": "1m", "1h": "1m", "4h": "1m", "1d": "1m"}

#: Those that are made of minutes.
OF_MINUTES = tuple(resolution for resolution, base in MADE_OF.items() if base == "1m")


def stored_base(resolution: str) -> str:
    """The stored resolution from which bars of this one are read."""
    return resolution if resolution in STORED else MADE_OF[resolution]


def period_start(ms: int, resolution: str) -> int:
    """The beginning of the period in which a time lies, in milliseconds."""
    return ms - ms % PERIOD_MS[resolution]
