"""Which moments of market time can be, and how far one tick may lie from the next."""

from __future__ import annotations

import math

import pytest

from market.tick import MarketError, TickError
from market.timestamps import END_TS, FIRST_TS, TimestampCheck, beginning, is_moment

SECONDS = 1_769_192_681.95


@pytest.mark.parametrize("ts", [FIRST_TS, SECONDS, END_TS - 1e-6])
def test_seconds_of_this_age_are_moments(ts: float) -> None:
    TimestampCheck().take(ts)


@pytest.mark.parametrize(
    ("ts", "said"),
    [
        (SECONDS * 1e3, "got 1769192681950 (it looks like milliseconds)"),
        (SECONDS * 1e6, "got 1769192681950000 (it looks like microseconds)"),
        (SECONDS * 1e9, "(it looks like nanoseconds)"),
        (0.0, "got 0"),
        (12.5, "got 12.5"),
        (-SECONDS, "got -1769192681.95"),
        (math.nextafter(FIRST_TS, 0), "got 31536000"),
        (END_TS, "got 7258118400"),
        (math.inf, "got inf"),
        (-math.inf, "got -inf"),
        (math.nan, "got nan"),
        (1e300, "got 1e+300"),
    ],
)
def test_what_cannot_be_is_refused_with_a_guess_at_its_unit(ts: float, said: str) -> None:
    assert not is_moment(ts)
    with pytest.raises(TickError) as refused:
        TimestampCheck().take(ts)
    assert str(refused.value).startswith("ts must be Unix seconds from 1971 to 2199, got ")
    assert str(refused.value).endswith(said)


@pytest.mark.parametrize("step", [0.1, 0.0, -59.0, 86_400.0, -86_400.0])
def test_a_step_of_up_to_a_day_is_allowed(step: float) -> None:
    sequence = TimestampCheck()
    sequence.take(SECONDS)
    sequence.take(SECONDS + step)


@pytest.mark.parametrize("step", [86_401.0, -86_401.0, 3e8])
def test_a_greater_step_is_refused_unless_any_is_allowed(step: float) -> None:
    sequence, free = TimestampCheck(), TimestampCheck(0)
    for one in (sequence, free):
        one.take(SECONDS)
        one.take(None)
    free.take(SECONDS + step)
    with pytest.raises(TickError, match=r"ts must not go from 1769192681\.95 to .* more than 86,400 s in one step"):
        sequence.take(SECONDS + step)


def test_a_step_from_what_was_judged_before_counts_and_its_own_ts_does_not() -> None:
    sequence = TimestampCheck()
    sequence.pass_over(1.0)
    sequence.pass_over(SECONDS)
    sequence.take(SECONDS + 1)


@pytest.mark.parametrize("clock", [0.0, 86_400.0, END_TS])
def test_a_market_does_not_begin_by_a_clock_that_was_never_set(clock: float) -> None:
    with pytest.raises(MarketError, match=f"the clock of this host says {clock:.0f}, which is not .* IG_START_TS"):
        beginning(clock)
    assert beginning(SECONDS) == SECONDS
