"""Bars are what their definition says, whatever the ticks and however they are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bars.making.builder import Builder
from bars.making.resolutions import OF_MINUTES, PERIOD_MS, period_start
from tests.bars.ticks import NOON, literal_bars, tapes, tick


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
    traded = [bar.close for bar in seconds if bar.matches]
    made = Builder()
    made.restore(minutes, [bar for bar in seconds if bar.open_ms >= minute], traded[-1] if traded else None)
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
    builder, mids, volume, day = Builder(), [], 0.0, None
    for one in ticks:
        builder.take(one)
        if day != (day := one.ts // 86_400):
            mids, volume = [], 0.0
        seen = builder.day()
        for a, b in zip(one.match_a.tolist(), one.match_b.tolist(), strict=True):
            volume += float(one.sizes[a] if b < 0 else min(one.sizes[a], one.sizes[b]))
        if seen is None:
            continue
        mids.append(seen["price"])
        figures = {"open": mids[0], "high": max(mids), "low": min(mids), "volume": volume}
        assert seen == {"timestamp": one.ts, "price": mids[-1], **figures}


def test_a_match_is_priced_by_the_mean_of_both_or_by_the_mid_with_the_pool():
    quotes = [("buy", 100.0, 3.0), ("sell", 90.01, 2.0), ("sell", 110.0, 5.0)]
    _, closed = taken([tick(0, NOON, quotes, [(0, 1), (2, -1)]), tick(1, NOON + 1)])
    # (100 + 90.01) / 2 with the smaller size, then the median of the quotes with the action's own size.
    assert rows(closed, "1s") == [["1s", 1769256000000, 1769256001000, 95.005, 100.0, 95.005, 100.0, 7.0]]


def test_a_quiet_period_repeats_the_last_close_and_a_silent_one_has_no_bar():
    match = tick(0, NOON, [("buy", 100.0, 1.0), ("sell", 98.0, 1.0)], [(0, 1)])
    quiet = tick(1, NOON + 1, [("buy", 50.0, 1.0)])
    _, closed = taken([match, quiet, tick(2, NOON + 9)])
    assert [row[3:] for row in rows(closed, "1s")] == [[99.0] * 4 + [1.0], [99.0] * 4 + [0.0]]


def test_before_any_match_a_bar_shows_the_mid_and_before_any_price_there_is_none():
    ticks = [tick(0, NOON), tick(1, NOON + 1, [("buy", 50.0, 1.0)]), tick(2, NOON + 1.5, [("buy", 60.0, 1.0)])]
    builder, closed = taken([*ticks, tick(3, NOON + 2)])
    assert rows(closed, "1s") == [["1s", 1769256001000, 1769256002000, 60.0, 60.0, 60.0, 60.0, 0.0]]
    assert builder.day()["open"] == 50.0


def test_one_tick_closes_every_resolution_finest_first():
    match = tick(0, NOON, [("buy", 100.0, 1.0), ("sell", 98.0, 1.0)], [(0, 1)])
    _, closed = taken([match, tick(1, NOON + 86_400)])
    assert [bar.resolution for bar in closed] == list(PERIOD_MS)
    assert {bar.next_ms for bar in closed} == {1769256000000 + 86_400_000}


def test_a_tick_that_goes_back_in_time_counts_to_the_second_under_way():
    quotes = [("buy", 100.0, 1.0)]
    late = tick(2, NOON, [("buy", 10.0, 1.0)], [(0, -1)])
    _, closed = taken([tick(0, NOON, quotes), tick(1, NOON + 1, quotes, [(0, -1)]), late, tick(3, NOON + 2)])
    assert [row[1] for row in rows(closed, "1s")] == [1769256000000, 1769256001000]
    assert rows(closed, "1s")[1][3:] == [100.0, 100.0, 10.0, 10.0, 2.0]


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


@settings(max_examples=20)
@given(st.lists(st.integers(1, 10**6).map(lambda micro: micro / 10**6), min_size=2, max_size=30))
def test_sums_of_decimal_sizes_are_decimal(sizes):
    ticks = [
        tick(t, NOON + t * 0.1, [("buy", 1.0, size), ("buy", 1.0, 9.0)], [(0, -1)]) for t, size in enumerate(sizes)
    ]
    _, closed = taken([*ticks, tick(len(ticks), NOON + 100_000)])
    total = sum(round(size * 10**6) for size in sizes) / 10**6
    assert {bar.volume for bar in closed if bar.resolution in OF_MINUTES} == {total}
