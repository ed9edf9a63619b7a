"""Which segments a clean-up chooses, at each boundary."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.retention_policy import Candidate, DiskUse, RetentionSettings, Shelf, choose, is_full, is_too_old

NOW = datetime(2026, 1, 24, 12, tzinfo=UTC)
FULL = DiskUse(total=1000, used=800, free=200)
ROOMY = DiskUse(total=1000, used=799, free=201)
SETTINGS = RetentionSettings(min_segments=0, min_days=0)


def candidate(pk: int, days: float, kind: str = "ticks", *, size: int = 50, pinned: bool = False, symbol: str = "A"):
    return Candidate(pk, symbol, kind, f"segment {pk}", pk, NOW - timedelta(days=days), size, pinned)


def shelves(segments):
    """The segments on the shelves of their markets and kinds, each in market order."""
    found = defaultdict(list)
    for one in segments:
        found[one.symbol, one.kind].append(one)
    return [Shelf(len(ones), sorted(ones, key=lambda one: (one.start_t, one.name))) for ones in found.values()]


def chosen(segments, disk=FULL, settings=SETTINGS):
    return [one.pk for one in choose(shelves(segments), disk, settings, NOW)]


def test_a_disk_below_its_bound_costs_no_segment():
    assert not is_full(ROOMY, SETTINGS)
    assert chosen([candidate(1, 9)], ROOMY) == []


def test_from_its_bound_on_as_many_go_as_bring_it_to_the_target():
    assert is_full(FULL, SETTINGS)
    segments = [candidate(pk, 20 - pk) for pk in range(1, 6)]
    assert chosen(segments) == [1, 2], "100 of 1000 bytes too many, 50 in each"
    assert chosen([one._replace(bytes=51) for one in segments]) == [1, 2]
    assert chosen([one._replace(bytes=49) for one in segments]) == [1, 2, 3]


def test_percent_is_of_what_a_process_may_use():
    kept_for_root = DiskUse(total=1000, used=760, free=190)
    assert kept_for_root.percent == 80
    assert DiskUse(0, 0, 0).percent == 0


def test_the_oldest_go_first_whatever_their_kind_or_market():
    segments = [
        candidate(1, 3, "frames"),
        candidate(2, 5, "metrics", symbol="B"),
        candidate(3, 5),
        candidate(4, 4, "ticks"),
    ]
    assert chosen(segments) == [2, 3]
    assert chosen(reversed(segments)) == [2, 3]


def test_of_one_kind_none_goes_before_one_that_comes_before_it_in_the_market():
    segments = [candidate(1, 3), candidate(2, 9), candidate(3, 2), candidate(4, 3.5, "frames", size=1)]
    assert chosen(segments) == [4, 1, 2], "what stands behind 1 was not sealed before it, whatever its clock said"


def test_a_clock_that_was_ahead_once_keeps_nothing_on_the_disk_for_ever():
    settings = RetentionSettings(min_segments=0, min_days=1)
    ahead = [candidate(pk, -365 * 70) for pk in (3, 4)]
    segments = [candidate(1, 9), candidate(2, 8), *ahead, candidate(5, 3), candidate(6, 2), candidate(7, 0.5)]
    nearly_full = DiskUse(1000, 1000, 0)
    assert chosen(segments, nearly_full, settings) == [1, 2, 3, 4, 5, 6]
    assert chosen([candidate(1, 9), *ahead, candidate(5, 0.5)], nearly_full, settings) == [1], "younger than the next"
    assert chosen([candidate(1, 9), *ahead], nearly_full, settings) == [1], "sealed by now at the latest"


def test_no_more_is_asked_for_than_it_takes():
    def oldest_first():
        yield candidate(1, 9)
        yield candidate(2, 8)
        yield candidate(3, 0.5)
        raise AssertionError("nothing behind one that is too young can go")

    settings = RetentionSettings(min_segments=0, min_days=1)
    assert [one.pk for one in choose([Shelf(9, oldest_first())], FULL._replace(used=950, free=50), settings, NOW)] == [
        1,
        2,
    ]
    roomy = choose([Shelf(9, (1 / 0 for _ in range(1)))], ROOMY, settings, NOW)
    assert list(roomy) == [], "with room and no greatest age no segment is looked at"


def test_a_pinned_one_stays_and_the_next_goes_in_its_place():
    assert chosen([candidate(1, 9, pinned=True), candidate(2, 8), candidate(3, 7), candidate(4, 6)]) == [2, 3]


@pytest.mark.parametrize(("hours", "goes"), [(24, True), (24.001, True), (23.999, False)])
def test_a_younger_one_than_the_least_age_stays(hours, goes):
    settings = RetentionSettings(min_segments=0, min_days=1)
    assert chosen([candidate(1, hours / 24)], settings=settings) == ([1] if goes else [])


def test_of_each_market_and_kind_the_least_number_stays():
    segments = [candidate(pk, 30 - pk, kind, symbol=symbol, size=1)
                for pk, (kind, symbol) in enumerate([("ticks", "A"), ("frames", "A"), ("ticks", "B")] * 4)]  # fmt: skip
    settings = RetentionSettings(min_segments=3, min_days=0)
    assert chosen(segments, settings=settings) == [0, 1, 2], "one of each"
    assert chosen(segments, settings=RetentionSettings(min_segments=4, min_days=0)) == []


def test_pinned_ones_count_among_those_that_stay():
    segments = [candidate(1, 9, pinned=True), candidate(2, 8), candidate(3, 7)]
    assert chosen(segments, settings=RetentionSettings(min_segments=2, min_days=0)) == [2]


@pytest.mark.parametrize(("days", "goes"), [(7, False), (7.001, True)])
def test_those_above_the_greatest_age_go_however_much_room_there_is(days, goes):
    settings = RetentionSettings(min_segments=0, min_days=0, max_days=7)
    assert chosen([candidate(1, days)], ROOMY, settings) == ([1] if goes else [])
    assert is_too_old(NOW - timedelta(days=days), settings, NOW) is goes


def test_without_a_greatest_age_none_is_too_old():
    assert chosen([candidate(1, 36_500)], ROOMY) == []


def test_age_does_not_overrule_pin_number_or_least_age():
    settings = RetentionSettings(min_segments=1, min_days=10, max_days=7)
    segments = [candidate(1, 20, pinned=True), candidate(2, 12), candidate(3, 9), candidate(4, 8)]
    assert chosen(segments, ROOMY, settings) == [2]


SEGMENTS = st.lists(
    st.builds(
        candidate,
        pk=st.integers(0, 10**6),
        days=st.floats(0, 40),
        kind=st.sampled_from(["ticks", "frames", "metrics"]),
        size=st.integers(0, 300),
        pinned=st.booleans(),
        symbol=st.sampled_from("AB"),
    ),
    max_size=30,
)


@given(SEGMENTS, st.integers(0, 1000), st.integers(0, 5), st.floats(0, 20), st.floats(0, 30), st.integers(10, 80))
def test_whatever_is_there_nothing_protected_goes_and_no_more_than_needed(
    segments, used, min_segments, min_days, max_days, target
):
    disk = DiskUse(1000, used, 1000 - used)
    settings = RetentionSettings(80, target, min_segments, min_days, max_days)
    gone = list(choose(shelves(segments), disk, settings, NOW))
    assert not any(one.pinned or NOW - one.created_at < timedelta(days=min_days) for one in gone)
    for shelf in shelves(segments):
        in_order = list(shelf.oldest_first)
        removed = [one for one in gone if (one.symbol, one.kind) == (in_order[0].symbol, in_order[0].kind)]
        assert shelf.segments - len(removed) >= min_segments or not removed
        free_to_go = [one for one in in_order if not one.pinned]
        assert removed == free_to_go[: len(removed)], "in market order"
    if not is_full(disk, settings):
        assert all(is_too_old(one.created_at, settings, NOW) for one in gone)
    elif gone and not is_too_old(gone[-1].created_at, settings, NOW):
        assert used - sum(one.bytes for one in gone[:-1]) > target * 10
