"""The past: coarser bars that had closed by now, through gaps too."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.bar import Bar, seen
from backtests.engine.past import MOST_BARS, Past
from bars.making.ohlcv import Merger, Ohlcv
from bars.making.resolutions import period_start
from tests.backtests.series import MINUTE, START, flat, wandering
from tests.examples import at_most


def literal(bars: list[Ohlcv], resolution: str) -> list[Bar]:
    """The closed bars of a resolution, by the definition: all bars of a period put together, once its end has come.

    Of a period that has begun before the first bar, nobody knows all.
    """
    periods: dict[int, Merger] = {}
    for bar in bars:
        periods.setdefault(period_start(bar.open_ms, resolution), Merger(resolution)).take(bar)
    closed = [merger.close_before(bars[-1].close_ms) for merger in periods.values()]
    return [seen(bar) for bar in closed if bar is not None and bar.open_ms >= bars[0].open_ms]


@given(missing=st.frozensets(st.integers(0, 149), max_size=140), offset=st.integers(0, 1000))
@settings(max_examples=at_most(15))
def test_coarser_bars_are_those_of_the_definition(missing: frozenset[int], offset: int) -> None:
    past = Past("1m")
    so_far: list[Ohlcv] = []
    for bar in wandering(150, missing=missing):
        so_far.append(bar._replace(open_ms=bar.open_ms + offset * MINUTE))
        past.add(so_far[-1])
        for name in ("5m", "15m", "1h"):
            assert past.last(50, name) == literal(so_far, name)[-50:]


def test_a_period_is_there_with_the_bar_that_ends_it_and_not_before() -> None:
    past = Past("1m")
    for minute, bar in enumerate(flat(range(1, 11))):
        past.add(bar)
        assert len(past.last(9, "5m")) == (minute + 1) // 5
    assert past.last(1, "5m") == [Bar(START + 5 * MINUTE, START + 10 * MINUTE, 6, 10, 6, 10, 5.0)]


def test_a_period_in_which_the_range_begins_is_no_bar() -> None:
    bars = flat(range(1, 131))[7:]
    past = Past("1m")
    for bar in bars:
        past.add(bar)
    assert [bar.open_time - START for bar in past.last(99, "5m")] == list(range(10 * MINUTE, 130 * MINUTE, 5 * MINUTE))
    assert [bar.open_time - START for bar in past.last(99, "1h")] == [60 * MINUTE]


def test_a_range_that_begins_before_its_first_bar_has_the_period_whole() -> None:
    """The market was down, or began to be recorded, in the middle of it: there is no more of that period."""
    past = Past("1m", START)
    for bar in flat(range(1, 61))[7:]:
        past.add(bar)
    assert past.last(1, "1h") == [Bar(START, START + 60 * MINUTE, 8, 60, 8, 60, 53.0)]


def test_memory_is_bounded_and_the_newest_stay() -> None:
    past = Past("1m")
    bars = flat(range(1, 2 * MOST_BARS + 500))
    for bar in bars:
        past.add(bar)
    assert past.last(MOST_BARS, "1m") == [seen(bar) for bar in bars[-MOST_BARS:]]
    assert all(len(level.closed) <= 2 * MOST_BARS for level in past._levels.values())
