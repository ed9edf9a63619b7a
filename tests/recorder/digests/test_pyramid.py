"""The pyramid against a plain computation over all messages, and its merging in any order."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.digests.pyramid import COUNT, FINEST, HIGH, LOW, Buckets, buckets_of, empty, merged

NAMES = ("price_norm", "N")

values = st.floats(-1e6, 1e6) | st.just(math.nan)
messages = st.dictionaries(st.integers(0, 3000), st.tuples(values, values), max_size=80).map(
    lambda found: sorted(found.items())
)


def made(found: list[tuple[int, tuple[float, float]]], exponent: int = FINEST) -> Buckets:
    t = np.array([t for t, _ in found], np.int64)
    columns = np.array([one for _, one in found], float).reshape(-1, 2).T
    return buckets_of(NAMES, t, t / 10, columns, exponent)


def plainly(found: list[tuple[int, tuple[float, float]]], exponent: int) -> dict[int, Any]:
    """Each bucket by its number, computed from its own messages."""
    grouped = defaultdict(list)
    for t, pair in found:
        grouped[t // 2**exponent].append((t, pair))
    told = {}
    for number, inside in grouped.items():
        series = []
        for place in range(2):
            known = [pair[place] for _, pair in inside if not math.isnan(pair[place])]
            mean = sum(known) / len(known) if known else math.nan
            series.append((len(known), mean, min(known, default=math.inf), max(known, default=-math.inf)))
        ends = (inside[0][1][0], inside[-1][1][0])
        told[number] = (inside[0][0], inside[-1][0], inside[0][0] / 10, *ends, *series)
    return told


def told(buckets: Buckets) -> dict[int, Any]:
    found = {}
    for place, number in enumerate(buckets.numbers.tolist()):
        series = [
            (buckets.stats[i, COUNT, place], buckets.means(i)[place], *buckets.stats[i, LOW : HIGH + 1, place])
            for i in range(2)
        ]
        ends = buckets.ends[:, place]
        found[number] = (buckets.first_t[place], buckets.last_t[place], buckets.ts[place], *ends, *series)
    return found


def assert_same(one: dict[int, Any], other: dict[int, Any]) -> None:
    assert one.keys() == other.keys()
    for number, facts in one.items():
        for mine, theirs in zip(np.hstack(facts), np.hstack(other[number]), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-6, nan_ok=True)


@given(messages, st.integers(FINEST, 12))
def test_each_bucket_says_what_its_own_messages_give(found: Any, exponent: int) -> None:
    assert_same(told(made(found, exponent)), plainly(found, exponent))


@given(messages, st.integers(FINEST, 9), st.integers(0, 3), st.lists(st.integers(0, 3000), max_size=4), st.randoms())
def test_parts_merge_in_any_order_and_any_steps(found: Any, exponent: int, wider: int, cuts: Any, luck: Any) -> None:
    edges = [-1, *sorted(cuts), 4000]
    parts = [made([one for one in found if low < one[0] <= high], exponent) for low, high in pairwise(edges)]
    luck.shuffle(parts)
    at_once = merged(parts, exponent + wider)
    step = merged(parts[:1])
    for part in parts[1:]:
        step = merged([step, part])
    assert_same(told(at_once), plainly(found, exponent + wider))
    assert_same(told(merged([step], exponent + wider)), told(at_once))


def test_no_message_makes_no_bucket() -> None:
    assert len(made([])) == 0
    assert len(merged([empty(NAMES), empty(NAMES)], 9)) == 0


def test_one_message_is_its_bucket_first_and_last() -> None:
    one = made([(70, (0.5, 3.0))])
    assert told(one) == {1: (70, 70, 7.0, 0.5, 0.5, (1, 0.5, 0.5, 0.5), (1, 3.0, 3.0, 3.0))}


def test_a_range_of_prices_scales_the_first_series_alone() -> None:
    scaled = made([(1, (0.25, 3.0)), (2, (0.75, 5.0))]).scaled(100, 20)
    assert told(scaled) == {0: (1, 2, 0.1, 105, 115, (2, 110, 105, 115), (2, 4, 3, 5))}


def test_a_bucket_without_a_value_stays_without_one_when_scaled() -> None:
    scaled = made([(1, (math.nan, 3.0))]).scaled(100, 20)
    assert scaled.stats[0, :, 0].tolist() == [0, 0, math.inf, -math.inf]
    assert np.isnan(scaled.means(0)).all()


def test_buckets_are_chosen_by_number() -> None:
    found = made([(t, (0.5, 1.0)) for t in (0, 64, 200, 1000)])
    assert found.numbers.tolist() == [0, 1, 3, 15]
    assert found.numbered(1, 3).numbers.tolist() == [1, 3]
    assert found.without(1, 3).numbers.tolist() == [0, 15]
