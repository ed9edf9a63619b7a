"""The pace of a replay, and times that cannot be: a jump holds nothing up, and no table is made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from marketcamera import Gap, MarketCameraError
from marketcamera.bars.bar import Bar
from marketcamera.bars.table import bar_table
from marketcamera.stream.messages import message_of
from marketcamera.stream.replay import MOST_PAUSE_SECONDS, _Due
from tests.client.made import START_TS, message

DAY = 86_400.0


def waits(times: Sequence[float], speed: float, taken_seconds: float = 0.0) -> list[float]:
    """What a reader waits before each message, who takes so long for one."""
    due, now, found = _Due(speed), 1000.0, []
    for t, ts in enumerate(times):
        seconds = max(0.0, due.wait_seconds(replace(message_of(message("tick", t)), ts=ts), now))
        found.append(round(seconds, 6))
        now += seconds + taken_seconds
    return found


@pytest.mark.parametrize("speed", [0.5, 1.0, 30.0])
def test_messages_come_at_the_pace_of_the_market(speed: float) -> None:
    times = [START_TS, START_TS + 1, START_TS + 1, START_TS + 3]
    assert waits(times, speed) == pytest.approx([0, 1 / speed, 0, 2 / speed], abs=1e-4)


def test_who_is_slow_catches_up() -> None:
    assert waits([START_TS, START_TS + 1, START_TS + 2, START_TS + 9], 1.0, taken_seconds=1.5) == [0, 0, 0, 2.5]


@pytest.mark.parametrize("speed", [1e-3, 1.0, 60.0, 1e9])
@pytest.mark.parametrize(
    "jump", [DAY, 400 * DAY, START_TS * 999.0, START_TS * 999_999.0, -DAY, -START_TS, math.nan, math.inf]
)
def test_a_jump_holds_a_replay_up_for_five_seconds_at_most(speed: float, jump: float) -> None:
    before = [START_TS + step for step in (0.0, 0.1)]
    behind = [before[-1] + jump + step for step in (0.0, 0.1, 0.2)]
    found = waits([*before, *behind, START_TS + 0.3], speed)
    assert all(0 <= seconds <= MOST_PAUSE_SECONDS for seconds in found)


@pytest.mark.parametrize("jump", [7 * DAY, -7 * DAY])
def test_behind_a_jump_the_market_has_its_own_pace_again(jump: float) -> None:
    times = [START_TS, START_TS + 1, START_TS + jump, START_TS + jump + 1, START_TS + jump + 3]
    assert waits(times, 1.0) == [0, 1, MOST_PAUSE_SECONDS if jump > 0 else 0, 1, 2]


def test_messages_a_little_out_of_order_add_nothing_to_its_length() -> None:
    times = [START_TS + second for second in (0, 1, 0.5, 2, 1.9, 3)]
    assert sum(waits(times, 1.0)) == 3


def test_a_gap_is_told_at_once() -> None:
    due = _Due(1.0)
    due.wait_seconds(message_of(message("tick", 1)), 1000.0)
    assert due.wait_seconds(Gap("tick", 2, 9, "lost"), 1000.0) == 0


@pytest.mark.parametrize("factor", [1000, 1_000_000])
def test_bars_of_times_that_pandas_cannot_hold_are_an_error_of_the_client(factor: int) -> None:
    pytest.importorskip("pandas")
    bars = [
        Bar("IG-USD", "1s", ms, ms + 1000, 1.0, 1.0, 1.0, 1.0, 0.0)
        for ms in (START_TS * 1000, START_TS * 1000 * factor)
    ]
    assert [before.close_time < after.close_time for before, after in pairwise(bars)] == [True]
    with pytest.raises(MarketCameraError, match=rf"a bar closes at {bars[1].close_time} ms, which is no time that"):
        bar_table(bars)
    assert len(bar_table(bars[:1])) == 1
