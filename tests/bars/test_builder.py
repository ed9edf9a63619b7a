"""Bars are what their definition says, whatever the ticks and however they are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bars.making.builder import Builder
from bars.making.resolutions import OF_MINUTES, PERIOD_MS, period_start
from market.price_range import PriceRange, PriceRanges
from tests.bars.ticks import NOON, literal_bars, price_of, tapes, tick, volume_of
from tests.examples import at_most


def taken(ticks, builder=None):
    """A builder behind some ticks, and every bar it closed."""
    builder = builder or Builder()
    return builder, [bar for one in ticks for bar in builder.take(one)]


def rows(bars, resolution):
    return [bar.row() for bar in bars if bar.resolution == resolution]


@given(tapes())
def test_every_resolution_is_what_its_definition_says(ticks):
    _, closed = taken(ticks)
    for resolution in PERIOD_MS:
        assert rows(closed, resolution) == literal_bars(ticks, resolution)


@given(tapes(), st.integers(0, 40))
def test_a_builder_made_of_closed_bars_goes_on_as_if_it_had_seen_all(ticks, cut):
    before, behind = ticks[:cut], ticks[cut:]
    whole, first = taken(before)
    seconds = [bar for bar in first if bar.resolution == "1s"]
    if not seconds:
        return
    last = seconds[-1].open_ms
    minute, day = period_start(last, "1m"), period_start(last, "1d")
    minutes = [bar for bar in first if bar.resolution == "1m" and day <= bar.open_ms < minute]
    made = Builder()
    made.restore(minutes, [bar for bar in seconds if bar.open_ms >= minute])
    # What comes behind the last closed second is taken again, as it is from the tape.
    _, again = taken([one for one in before if one.t > made.t], made)
    _, rest = taken(behind, made)
    _, straight = taken(behind, whole)
    assert [bar.row() for bar in rest] == [bar.row() for bar in straight]
    assert {tuple(bar.row()) for bar in again} <= {tuple(bar.row()) for bar in first}
    assert made.day() == whole.day()
    assert made.gap == whole.gap


@given(tapes(most=80))
def test_the_day_is_that_of_its_ticks(ticks):
    builder, prices, volume, day = Builder(), [], 0.0, None
    assert builder.day() is None
    for one in ticks:
        builder.take(one)
        if day != (day := one.ts // 86_400):
            prices, volume = [], 0.0
        prices.append(price_of(one))
        volume += volume_of(one)
        figures = {"open": prices[0], "high": max(prices), "low": min(prices), "volume": volume}
        assert builder.day() == {"timestamp": one.ts, "price": prices[-1], **figures}


def test_bars_are_of_the_state_s_price_whatever_is_quoted_and_matched():
    quotes = [("buy", 100.0, 3.0), ("sell", 90.01, 2.0), ("sell", 110.0, 5.0)]
    ticks = [tick(0, NOON, price_norm=0.5), tick(1, NOON + 0.1, quotes, [(0, 1), (2, -1)], price_norm=0.75)]
    builder, closed = taken([*ticks, tick(2, NOON + 0.2, quotes, price_norm=0.25), tick(3, NOON + 1)])
    # The smaller size of both, and the action's own with the pool.
    assert rows(closed, "1s") == [["1s", 1769256000000, 1769256001000, 50_000.0, 55_000.0, 45_000.0, 45_000.0, 7.0]]
    assert builder.day()["price"] == 50_000.0


def test_where_matches_have_prices_bars_are_of_these_and_a_quiet_second_repeats_the_last():
    quotes = [("buy", 100.0, 3.0), ("sell", 90.0, 2.0)]
    first = tick(0, NOON, quotes, [(0, 1), (0, 1), (0, -1)], [(99.5, 0.25), (None, None), (98.5, 8.0)])
    quiet = [tick(1, NOON + 1, quotes, price_norm=0.1), tick(2, NOON + 2, quotes, price_norm=0.9)]
    later = tick(3, NOON + 9, quotes, [(0, 1)], [(97.0, None)])
    builder, closed = taken([first, *quiet, later, tick(4, NOON + 60)])
    assert [row[3:] for row in rows(closed, "1s")] == [
        [99.5, 99.5, 98.5, 98.5, 10.25],
        [98.5] * 4 + [0.0],
        [98.5] * 4 + [0.0],
        [97.0] * 4 + [2.0],
    ]
    assert rows(closed, "1m")[0][3:] == [99.5, 99.5, 97.0, 97.0, 12.25]
    # The day is that of the price which every tick has.
    assert builder.day()["low"] == 42_000.0


def test_ticks_of_each_run_are_priced_by_its_range():
    ranges = PriceRanges([(0, PriceRange(0.0, 2.0)), (2, PriceRange(100.0, 300.0))])
    ticks = [tick(t, NOON + t, price_norm=0.25) for t in range(4)]
    _, closed = taken([*ticks, tick(9, NOON + 9)], Builder(ranges))
    assert [row[3:7] for row in rows(closed, "1s")] == [[0.5] * 4, [0.5] * 4, [150.0] * 4, [150.0] * 4]


def test_one_tick_closes_every_resolution_finest_first():
    _, closed = taken([tick(0, NOON), tick(1, NOON + 86_400)])
    assert [bar.resolution for bar in closed] == list(PERIOD_MS)
    assert {bar.next_ms for bar in closed} == {1769256000000 + 86_400_000}


def test_a_tick_that_goes_back_in_time_counts_to_the_second_under_way():
    late = tick(2, NOON, [("buy", 10.0, 1.0)], [(0, -1)], price_norm=0.25)
    _, closed = taken([tick(0, NOON), tick(1, NOON + 1), late, tick(3, NOON + 2)])
    assert [row[1] for row in rows(closed, "1s")] == [1769256000000, 1769256001000]
    assert rows(closed, "1s")[1][3:] == [50_000.0, 50_000.0, 45_000.0, 45_000.0, 1.0]


def test_ticks_that_are_missing_are_told():
    builder = Builder()
    told = [builder.take(tick(t, NOON)) or builder.gap for t in (3, 4, 9, 10)]
    assert told == [None, None, (5, 8), None]


@pytest.mark.parametrize("ts", [-0.5, -86_400.25, 0.0])
def test_time_before_1970_is_aligned_as_well(ts):
    _, closed = taken([tick(0, ts, [("buy", 1.0, 1.0)]), tick(1, ts + 200_000)])
    for bar in closed:
        assert bar.open_ms % PERIOD_MS[bar.resolution] == 0
        assert bar.open_ms <= ts * 1000 < bar.close_ms


@settings(max_examples=at_most(20))
@given(st.lists(st.integers(1, 10**6).map(lambda micro: micro / 10**6), min_size=2, max_size=30))
def test_sums_of_decimal_sizes_are_decimal(sizes):
    ticks = [
        tick(t, NOON + t * 0.1, [("buy", 1.0, size), ("buy", 1.0, 9.0)], [(0, -1)]) for t, size in enumerate(sizes)
    ]
    _, closed = taken([*ticks, tick(len(ticks), NOON + 100_000)])
    total = sum(round(size * 10**6) for size in sizes) / 10**6
    assert {bar.volume for bar in closed if bar.resolution in OF_MINUTES} == {total}
