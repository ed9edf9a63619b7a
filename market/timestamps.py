"""Moments of market time: which can be, and how far a source may go from one tick to the next."""

from __future__ import annotations

import math

from market.tick import MarketError, TickError

DAY_SECONDS = 86_400.0

#: A ts is Unix seconds of the years 1971 to 2199. An earlier one is from a clock that was never set or counts from its
#: own start, a later one is in another unit.
FIRST_TS = 31_536_000.0
END_TS = 7_258_118_400.0

EXPECTED = "Unix seconds from 1971 to 2199"

_UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}


def is_moment(ts: float) -> bool:
    """Whether a ts can be; NaN and the infinities cannot."""
    return FIRST_TS <= ts < END_TS


def check_moment(ts: float) -> None:
    """Raises TickError for a ts that cannot be."""
    if not is_moment(ts):
        raise TickError(f"ts must be {EXPECTED}, got {_shown(ts)}{guessed_unit(ts)}")


def guessed_unit(ts: float) -> str:
    """In which unit a ts that cannot be would be a moment, as the end of a sentence; "" where in none."""
    unit = next((name for factor, name in _UNITS.items() if is_moment(ts / factor)), None)
    return f" (it looks like {unit})" if unit else ""


def beginning(clock_seconds: float, past_seconds: float = 0.0) -> float:
    """The ts of a market that begins now, or so many seconds ago.

    Raises MarketError where the clock cannot be right.
    """
    if not is_moment(clock_seconds):
        raise MarketError(
            f"the clock of this host says {_shown(clock_seconds)}, which is not {EXPECTED}:"
            " set it, or say in IG_START_TS when market time begins"
        )
    return round(max(clock_seconds - past_seconds, FIRST_TS), 6)


class TimestampCheck:
    """Checks the ts of one source's ticks, one after the other.

    `most_step_seconds` is the largest distance from the tick before, in either direction; 0 is any distance.
    """

    def __init__(self, most_step_seconds: float = DAY_SECONDS) -> None:
        self._most_step_seconds = most_step_seconds
        self._last: float | None = None

    def pass_over(self, ts: float | None) -> None:
        """Take note of a tick that was judged before."""
        if ts is not None:
            self._last = ts

    def take(self, ts: float | None) -> None:
        """Judge the next tick; one without ts has none to be judged. Raises TickError."""
        if ts is None:
            return
        check_moment(ts)
        last, self._last = self._last, ts
        if last is not None and self._most_step_seconds and abs(ts - last) > self._most_step_seconds:
            raise TickError(
                f"ts must not go from {_shown(last)} to {_shown(ts)}: that is more than"
                f" {self._most_step_seconds:,g} s in one step (IG_MAX_TIME_STEP_SECONDS=0 allows any)"
            )


def _shown(ts: float) -> str:
    """Every digit of a ts, which no exponent hides."""
    return f"{ts:.6f}".rstrip("0").rstrip(".") if math.isfinite(ts) and abs(ts) < 1e21 else repr(ts)
