"""What is asked of others costs a scrape little, and makes none fail, whatever the others do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from monitoring.asked import Asked
from monitoring.market_figures import MarketFigures, Timing, figures_in
from runtime.measured import SECONDS, Histogram
from streaming.fanout.feed import Feed
from streaming.options import Options
from streaming.protocol import Moment
from tests.streaming.test_feed import Taker


class Source:
    """It counts how often it is asked; it may fail or hang."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def ask(self) -> int:
        self.asked += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return self.asked


def of(source: Source, fresh_seconds: float = 60.0) -> Asked[int]:
    return Asked("it", source.ask, (OSError,), fresh_seconds=fresh_seconds, patience_seconds=0.01)


def test_an_answer_serves_all_who_ask_while_it_is_fresh() -> None:
    async def run() -> None:
        source = Source()
        asked = Asked("it", source.ask, (OSError,), fresh_seconds=60.0)
        assert await asyncio.gather(*(asked.answer() for _ in range(20))) == [1] * 20
        assert await asked.answer() == 1

    asyncio.run(run())


@pytest.mark.parametrize("error", [OSError("away"), ValueError("a fault of ours")])
def test_a_source_that_fails_has_no_answer_and_no_older_one(error: Exception) -> None:
    async def run() -> None:
        source = Source()
        asked = Asked("it", source.ask, (OSError,), fresh_seconds=0.0)
        assert await asked.answer() == 1
        source.error = error
        assert await asked.answer() is None
        source.error = None
        assert await asked.answer() == 3

    asyncio.run(run())


def test_a_source_that_hangs_is_asked_once_and_heard_when_it_answers() -> None:
    async def run() -> None:
        source = Source()
        source.free.clear()
        asked = of(source)
        assert [await asked.answer() for _ in range(5)] == [None] * 5
        assert source.asked == 1
        source.free.set()
        while (found := await asked.answer()) is None:
            await asyncio.sleep(0)
        assert (found, source.asked) == (1, 1)

    asyncio.run(run())


TIMING = Timing((1,) * (len(SECONDS) + 1), 2.5)
FIGURES = MarketFigures(9, 0.5, None, 1, 2, 3, 4, {"camera": 1.5}, {"ticks": TIMING}, {"ticks": TIMING})


def test_figures_of_a_market_arrive_as_they_were_sent() -> None:
    assert figures_in(FIGURES.message()) == FIGURES
    assert figures_in(replace(FIGURES, late_seconds=None).message()) == replace(FIGURES, late_seconds=None)


@pytest.mark.parametrize(
    "change",
    [
        {"flushes": {"ticks": {"counts": [1, 2], "sum": 3.0}}},
        {"flushes": {"ticks": {"counts": [1, 2]}}},
        {"seals": None},
        {"more": 1},
    ],
)
def test_figures_of_another_version_are_none(change: dict[str, Any]) -> None:
    assert figures_in({**FIGURES.message(), **change}) is None
    assert figures_in(None) is None


def test_a_histogram_counts_each_value_once_and_a_clock_that_went_back_as_nothing() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.1, 0.5, 1.0, 7.0, -3.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.sum) == ([2, 2, 1], pytest.approx(8.6))


def test_a_bundle_is_observed_once_however_many_clients_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.fanout.feed.time.time", lambda: 1000.0)
    feed = Feed(Options())
    for _ in range(50):
        feed.add(Taker(), -1)  # type: ignore[arg-type]
    feed.send(Moment(0, b'{"t":0}', made_at=999.7))
    feed.send(Moment(1, b'{"t":1}'))  # from the recording: it has no time
    assert (sum(feed.counts.direct.counts), feed.counts.direct.sum) == (1, pytest.approx(0.3))
