"""When each tick is due: on time for ever, and without a race after a sleep."""

from __future__ import annotations

import random

import pytest

from pipeline.pacer import Pacer


def test_the_first_tick_is_due_at_once_and_the_next_one_interval_later() -> None:
    pacer = Pacer(0.1, now=50.0)
    assert pacer.wait_seconds(50.0) == 0.0
    pacer.ticked()
    assert pacer.wait_seconds(50.0) == pytest.approx(0.1)
    assert pacer.wait_seconds(50.08) == pytest.approx(0.02)


def test_a_million_ticks_do_not_drift() -> None:
    chance = random.Random(1)
    pacer = Pacer(0.1, now=1000.0)
    now = 1000.0
    for _ in range(1_000_000):
        now += pacer.wait_seconds(now)
        now += chance.random() * 0.09  # what the tick took, and sleeping too long
        pacer.ticked()
    now += pacer.wait_seconds(now)
    assert now == pytest.approx(1000.0 + 1_000_000 * 0.1, abs=1e-6)


def test_a_late_tick_is_made_up_for() -> None:
    pacer = Pacer(0.1, now=0.0)
    pacer.ticked()
    assert pacer.wait_seconds(0.35) == 0.0
    for _ in range(3):
        pacer.ticked()
    assert pacer.wait_seconds(0.35) == pytest.approx(0.05)


@pytest.mark.parametrize("interval", [0.001, 0.1, 60.0])
def test_after_a_long_sleep_the_market_does_not_race(interval: float) -> None:
    pacer = Pacer(interval, now=0.0)
    for _ in range(5):
        pacer.ticked()
    woken = 8 * 3600.0
    assert pacer.wait_seconds(woken) == 0.0
    pacer.ticked()
    assert pacer.wait_seconds(woken) == pytest.approx(interval)


def test_three_intervals_late_is_no_sleep_when_ticks_are_rare() -> None:
    pacer = Pacer(60.0, now=0.0)
    pacer.ticked()
    assert pacer.wait_seconds(60 + 179.0) == 0.0
    pacer.ticked()
    assert pacer.wait_seconds(60 + 179.0) == 0.0


def test_flat_out_waits_for_nothing() -> None:
    pacer = Pacer(0.0, now=0.0)
    for _ in range(10):
        assert pacer.wait_seconds(0.0) == 0.0
        pacer.ticked()


def test_a_head_start_waits_for_nothing_and_time_counts_from_its_beginning() -> None:
    pacer = Pacer(0.1, now=0.0, head_start=3000)
    for _ in range(3000):
        assert pacer.flat_out
        assert pacer.wait_seconds(2.0) == 0.0
        assert pacer.overdue_ticks(2.0) == 0
        pacer.ticked()
    assert not pacer.flat_out
    assert pacer.overdue_ticks(2.0) == 20
    for _ in range(20):
        assert pacer.wait_seconds(2.0) == 0.0
        pacer.ticked()
    pacer.ticked()
    assert pacer.wait_seconds(2.0) == pytest.approx(0.1)
