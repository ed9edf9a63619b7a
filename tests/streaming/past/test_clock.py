"""The clock of a replay: when each message is due, whatever its reader does in between."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.past.clock import MOST_PAUSE_SECONDS, ReplayClock

DAY = 86_400.0


@pytest.mark.parametrize(
    ("speed", "steps", "seconds"),
    [
        (1.0, [0, 1, 1], [0, 1, 2]),
        (4.0, [0, 1, 2], [0, 0.25, 0.75]),
        (0.0, [0, 1, DAY], [0, 0, 0]),
        (1.0, [0, DAY, 1], [0, 5, 6]),  # the market was down
        (1.0, [0, -DAY, 1], [0, 0, 1]),  # an old tape behind newer ticks
        (1.0, [0, 1, -0.5, 0.5, 0.5], [0, 1, 1, 1, 1.5]),  # a little out of order
        (0.5, [0, 3], [0, 5]),
    ],
)
def test_messages_are_due_at_the_pace_of_their_time(speed: float, steps: list[float], seconds: list[float]) -> None:
    clock, ts = ReplayClock(speed, now=100.0), 1e9
    for step, due in zip(steps, seconds, strict=True):
        ts += step
        for _ in range(2):  # asking again changes nothing
            assert clock.due(ts, now=100.0) == pytest.approx(due)


def test_what_usually_lies_between_two_is_no_gap() -> None:
    clock = ReplayClock(60.0, now=0.0)
    clock.due(0.0, now=0.0)
    assert clock.due(3600.0, now=0.0, usual_seconds=3600.0) == 60.0
    clock.play(now=30.0, speed=30.0)
    assert clock.due(3600.0, now=30.0, usual_seconds=3600.0) == 60.0
    assert clock.due(2 * DAY, now=90.0, usual_seconds=3600.0) == 120.0


def test_a_pause_takes_no_market_time() -> None:
    clock = ReplayClock(2.0, now=0.0)
    clock.due(10.0, now=0.0)
    assert clock.due(14.0, now=0.5) == 1.5
    clock.pause(now=1.0)
    clock.pause(now=3.0)
    assert (clock.paused, clock.due(14.0, now=50.0), clock.market_ts(50.0)) == (True, math.inf, 12.0)
    assert clock.due(16.0, now=50.0) == math.inf
    clock.play(now=100.0)
    assert (clock.paused, clock.due(16.0, now=100.0), clock.market_ts(101.0)) == (False, 2.0, 14.0)


@pytest.mark.parametrize(("speed", "seconds"), [(4.0, 0.5), (1.0, 2.0), (0.1, MOST_PAUSE_SECONDS), (0.0, 0.0)])
def test_another_speed_counts_from_now(speed: float, seconds: float) -> None:
    clock = ReplayClock(2.0, now=0.0)
    clock.due(0.0, now=0.0)
    assert clock.due(4.0, now=0.0) == 2.0
    clock.play(now=1.0, speed=speed)
    assert clock.speed == speed
    assert clock.due(4.0, now=1.0) == pytest.approx(seconds)


def test_after_a_seek_the_next_message_is_due_at_once() -> None:
    clock = ReplayClock(1.0, now=0.0)
    clock.due(0.0, now=0.0)
    clock.due(4.0, now=0.0)
    clock.seek()
    assert (clock.market_ts(1.0), clock.due(DAY, now=1.0), clock.market_ts(1.0)) == (None, 0.0, DAY)
    assert clock.due(DAY + 1, now=1.0) == 1.0
    clock.pause(now=1.5)
    clock.seek()
    assert clock.due(5.0, now=2.0) == math.inf
    clock.play(now=9.0)
    assert clock.due(5.0, now=9.0) == 0.0


def test_a_replay_that_was_held_up_makes_up_for_five_seconds_at_most() -> None:
    clock = ReplayClock(1.0, now=0.0)
    clock.due(0.0, now=0.0)
    assert clock.due(1.0, now=3.0) == -2.0
    assert clock.due(2.0, now=600.0) == 1.0 - MOST_PAUSE_SECONDS


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.01, 1e4))
def test_no_step_of_time_costs_more_than_a_gap_may(steps: list[float], speed: float) -> None:
    clock, ts, now = ReplayClock(speed, now=0.0), 1e9, 0.0
    for step in steps:
        ts += step
        wait = clock.due(ts, now)
        assert wait <= MOST_PAUSE_SECONDS + 1e-6
        assert ts - 61.0 <= clock.market_ts(now + max(wait, 0.0)) <= ts + 61.0
        now += max(wait, 0.0)
