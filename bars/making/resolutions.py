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

#: Kept in the database as they close. The others are made of the next finer of these.
STORED = ("1s", "1m", "1h", "1d")

#: What the bars of a resolution are put together from while the market runs.
MADE_OF = {"1s": "1s", "5s": "1s", "1m": "1s", "5m": "1m", "15m": "1m", "1h": "1m", "4h": "1m", "1d": "1m"}

#: What they are read from where they are not stored, or not yet. A sum of figures of nine decimals has the same digits
#: whatever the order, so that a bar of hours equals the one of their minutes.
READ_FROM = {"5s": "1s", "5m": "1m", "15m": "1m", "1h": "1m", "4h": "1h", "1d": "1h"}

#: Stored bars that can be made again from finer stored ones.
COARSE = tuple(resolution for resolution in STORED if resolution in READ_FROM)

#: Those that are made of minutes.
OF_MINUTES = tuple(resolution for resolution, base in MADE_OF.items() if base == "1m")


def period_start(ms: int, resolution: str) -> int:
    """The beginning of the period in which a time lies, in milliseconds."""
    return ms - ms % PERIOD_MS[resolution]
