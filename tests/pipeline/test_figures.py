"""What a pipeline tells of itself: once a second, with the moments, and nothing depends on it."""

from __future__ import annotations

from typing import Any

from monitoring.market_figures import figures_in
from pipeline.measured_parts import Measured
from pipeline.pacer import Pacer
from runtime.measured import Histogram
from tests.pipeline.test_loop import START_TS, Log, pipeline, ticks


class Tapes:
    stopped = False

    def __init__(self) -> None:
        self.timings = {kind: (Histogram(), Histogram()) for kind in ("ticks", "frames", "metrics")}


class Rows:
    waiting = 3


def test_figures_travel_once_a_second_with_the_newest_tick() -> None:
    log, asked = Log(), []

    def figures(made: int, newest_ts: float | None) -> dict[str, Any]:
        asked.append((made, newest_ts))
        return {"ticks": made}

    pipeline(ticks(25), log, interval=0.1, figures=figures).run()
    told = [message["t"] for message in log.published if message["figures"] is not None]
    assert told == [0, 10, 20]
    assert asked == [(t, round(START_TS + t / 10, 6)) for t in told]


def test_figures_that_cannot_be_made_end_no_market() -> None:
    log = Log()

    def broken(made: int, newest_ts: float | None) -> dict[str, Any]:
        raise RuntimeError("no memory to be measured")

    pipeline(ticks(5), log, figures=broken).run()
    assert len(log.written) == 5
    assert {message["figures"] for message in log.published} == {None}


def test_each_moment_says_when_its_tick_was_made() -> None:
    log = Log()
    pipeline(ticks(3), log).run()
    made = [message["made_at"] for message in log.published if message["t"] is not None]
    assert made == sorted(made)
    assert len(made) == 3


def test_lateness_is_by_the_clock_that_a_source_goes_by() -> None:
    def measured(pacer: Pacer, *, sets_pace: bool) -> Measured:
        return Measured(Tapes(), pacer, Rows(), None, None, sets_pace)

    paced = measured(Pacer(0.1, now=-50.0), sets_pace=False)
    assert paced.late_seconds(newest_ts=0.0) > 50
    assert measured(Pacer(0.0, now=0.0), sets_pace=False).late_seconds(newest_ts=0.0) is None
    venue = measured(Pacer(0.0, now=0.0), sets_pace=True)
    assert venue.late_seconds(newest_ts=None) is None
    assert venue.late_seconds(newest_ts=1e9) > 1e8
    told = figures_in(paced.figures(7, 0.0))
    assert told is not None
    assert (told.ticks, told.unwritten_rows, told.checkpoint_age_seconds) == (7, 3, None)
    assert told.flushes.keys() == {"ticks", "frames", "metrics"}
