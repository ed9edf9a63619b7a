"""The overview of a recording against a plain computation over its metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest

from recorder.digests.making import make_digests
from recorder.digests.overview import metric_tail, overview, present_of, short
from recorder.models import Market, Run, Segment
from recorder.tape.history import History
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db


def seen(store: Store, t0: int | None = None, t1: int | None = None, points: int = 800) -> dict[str, Any]:
    return overview("IG-USD", present_of(History("IG-USD", store.directory))(), t0, t1, points)


def metrics(store: Store) -> list[dict[str, Any]]:
    return [
        orjson.loads(line.text) for line in History("IG-USD", store.directory).lines("metrics", -1) if not line.is_gap
    ]


def plainly(store: Store, width: int, low: float = 40_000, high: float = 60_000) -> dict[int, list[dict[str, float]]]:
    found = defaultdict(list)
    for metric in metrics(store):
        price = low + (high - low) * metric["s"]["price_norm"]
        found[metric["t"] // width * width].append({**metric["s"], **metric, "price": price})
    return dict(found)


def assert_is(answer: dict[str, Any], expected: dict[int, list[dict[str, float]]]) -> None:
    assert answer["t"] == sorted(expected)
    for place, t in enumerate(answer["t"]):
        inside = expected[t]
        assert answer["ts"][place] == inside[0]["ts"]
        for name, series in answer.items():
            if isinstance(series, dict):
                values = [one["matches_n" if name == "matches" else name] for one in inside]
                told = {
                    "first": values[0], "last": values[-1],
                    "min": min(values), "max": max(values), "mean": sum(values) / len(values),
                }  # fmt: skip
                assert {part: column[place] for part, column in series.items()} == pytest.approx(
                    {part: told[part] for part in series}, rel=1e-4, abs=1e-9
                )


def test_the_whole_recording_in_its_finest_buckets(digested: Store) -> None:
    answer = seen(digested)
    assert (answer["t0"], answer["t1"], answer["bucket"]) == (0, 300, 64)
    assert list(answer) == [
        *("t0", "t1", "bucket", "t", "ts", "price", "N", "avg_exp", "matches", "volatility", "liquidity", "imbalance"),
        *("gaps", "runs", "events", "unsummed", "unsummed_events"),
    ]
    assert_is(answer, plainly(digested, 64))
    assert answer["runs"] == [{"t": 0, "source": "simulator"}]


@pytest.mark.parametrize(("points", "width"), [(5, 64), (4, 128), (3, 128), (2, 256), (1, 512)])
def test_no_more_buckets_than_points(digested: Store, points: int, width: int) -> None:
    answer = seen(digested, points=points)
    assert answer["bucket"] == width
    assert len(answer["t"]) <= points
    assert_is(answer, plainly(digested, width))


def test_a_part_has_the_buckets_that_it_overlaps(digested: Store) -> None:
    assert seen(digested, 70, 200)["t"] == [64, 128, 192]
    assert seen(digested, 128, 191)["t"] == [128]
    assert seen(digested, 5000, 6000)["t"] == []


def test_a_range_that_ends_before_the_recording_begins_has_nothing(market: Market, tmp_path: Any) -> None:
    store = Store(market, tmp_path)
    store.next_t = 1000
    store.begin_run()
    store.record(100)
    answer = seen(store, None, 10)
    assert (answer["t0"], answer["t1"], answer["t"]) == (10, 10, [])
    assert seen(store, 2000)["t"] == []


def test_a_bucket_that_a_range_cuts_is_the_same_as_in_any_other(digested: Store) -> None:
    digested.record(150)  # the part without a digest is cut as well
    whole = plainly(digested, 128)
    answer = seen(digested, 70, 330, points=3)
    assert answer["bucket"] == 128
    assert_is(answer, {t: whole[t] for t in (0, 128, 256)})


def test_what_has_no_digest_yet_is_read_from_its_tape(store: Store) -> None:
    before = seen(store)
    assert before["t"][-1] == 256
    assert before["unsummed_events"] == [{"from_t": 266, "to_t": 300}], "a step reads 50 frames"
    make_digests(store.market, store.directory)
    assert seen(store) == before | {"unsummed_events": []}


def test_the_open_segment_is_summed_up_as_it_grows(digested: Store) -> None:
    find = present_of(History("IG-USD", digested.directory))
    assert find().metrics is None
    digested.record(50)
    assert_is(overview("IG-USD", find(), None, None, 800), plainly(digested, 64))
    digested.record(50)
    assert_is(overview("IG-USD", find(), None, None, 800), plainly(digested, 64))
    make_digests(digested.market, digested.directory)
    assert find().metrics is None
    assert_is(overview("IG-USD", find(), None, None, 800), plainly(digested, 64))


def test_what_is_in_no_digest_and_not_in_the_tail_is_told(store: Store) -> None:
    store.record(99)
    store.record(100)  # the tail begins with the third segment from the end
    assert seen(store)["unsummed"] == [{"from_t": 0, "to_t": 298}]
    assert seen(store, 100, 250)["unsummed"] == [{"from_t": 100, "to_t": 250}]
    assert seen(store, 300)["unsummed"] == []
    make_digests(store.market, store.directory)
    assert seen(store)["unsummed"] == []


def test_an_older_segment_that_waits_for_its_digest_is_told(digested: Store) -> None:
    Segment.objects.filter(kind="metrics", start_t=200).update(digest=0)
    assert seen(digested)["unsummed"] == [{"from_t": 200, "to_t": 298}]
    assert seen(digested)["unsummed_events"] == []
    Segment.objects.filter(kind="frames", start_t=200).update(digest=0)
    assert seen(digested)["unsummed_events"] == [{"from_t": 200, "to_t": 295}]


def test_of_very_many_segments_the_oldest_are_told_as_one_stretch(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.digests.unsummed._MOST_SEGMENTS", 2)
    for _ in range(4):
        store.record(40, gap=1000)
    make_digests(store.market, store.directory)
    Segment.objects.filter(start_t__lt=store.next_t - 40).update(digest=0)
    assert seen(store)["unsummed"] == [{"from_t": 0, "to_t": 2380}, {"from_t": 3382, "to_t": 3420}]


def test_what_a_tail_has_not_read_yet_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.digests.overview._MOST_LINES", 120)
    find = present_of(History("IG-USD", store.directory))
    assert overview("IG-USD", find(), None, None, 800)["unsummed"] == [{"from_t": 239, "to_t": 300}]
    assert overview("IG-USD", find(), None, None, 800)["unsummed"] == []


def test_a_step_of_the_tail_reads_so_many_lines_and_the_next_goes_on(store: Store) -> None:
    tail = metric_tail(History("IG-USD", store.directory))
    tail._most_lines = 60
    sizes = []
    for _ in range(4):
        found = tail.step()
        assert found is not None
        sizes.append(int(found.buckets.stats[0, 0].sum()))
    assert sizes == [60, 120, 151, 151]


def test_a_gap_is_told_and_nothing_is_drawn_in_it(digested: Store) -> None:
    digested.record(40, gap=1000)
    digested.record(20)
    answer = seen(digested)
    assert answer["gaps"] == [{"from_t": 301, "to_t": 1300}]
    assert all(not 320 <= t < 1280 for t in answer["t"])
    make_digests(digested.market, digested.directory)
    assert seen(digested) == answer
    assert seen(digested, 0, 600)["gaps"] == [{"from_t": 301, "to_t": 600}]


def test_two_runs_have_each_its_own_prices(store: Store) -> None:
    Run.objects.update(price_low=10, price_high=20)
    make_digests(store.market, store.directory)
    run = store.begin_run(3)
    Run.objects.filter(pk=run.pk).update(price_low=100, price_high=300)
    store.record(100)
    answer = seen(store)
    make_digests(store.market, store.directory)
    assert seen(store) == answer
    plain = {}
    for t, inside in plainly(store, 64, 0, 1).items():
        prices = [10 + 10 * one["price"] if one["t"] < run.first_t else 100 + 200 * one["price"] for one in inside]
        plain[t] = [{**one, "price": price} for one, price in zip(inside, prices, strict=True)]
    assert_is(answer, plain)
    assert [one["t"] for one in answer["runs"]] == [0, run.first_t]


def test_an_empty_market_has_an_empty_overview(market: Market, tmp_path: Any) -> None:
    answer = overview("IG-USD", present_of(History("IG-USD", tmp_path))(), None, None, 800)
    assert (answer["t0"], answer["t1"], answer["t"], answer["price"]["mean"]) == (None, None, [], [])
    assert answer["gaps"] == answer["runs"] == answer["events"] == []


def test_a_market_of_one_tick(market: Market, tmp_path: Any) -> None:
    store = Store(market, tmp_path)
    store.record(1)
    make_digests(market, tmp_path)
    answer = seen(store)
    assert (answer["t0"], answer["t1"], answer["t"], answer["bucket"]) == (0, 0, [0], 64)
    assert len({*map(str, (answer["price"][part][0] for part in answer["price"]))}) == 1


def test_numbers_are_short_and_none_is_invented() -> None:
    values = [0.0, 123456.7, 0.000123456, -2.0, math.nan, math.inf, 74.0]
    assert orjson.dumps(short(np.array(values), 5)) == b"[0.0,123457.0,0.00012346,-2.0,null,null,74.0]"
    assert orjson.dumps(short(np.array([0.0, 74.0, -3.0]), 5)) == b"[0,74,-3]"
    assert short(np.array([]), 5) == []
    assert orjson.dumps(short(np.array([2.0**53, -(2.0**53)]), 17)) == b"[9007199254740992,-9007199254740992]"
    assert orjson.dumps(short(np.array([1.8e20, -7.0]), 5)) == b"[1.8e+20,-7.0]", "no integer is larger than JSON has"


def test_buckets_of_all_widths_agree_with_each_other(digested: Store) -> None:
    for points in (1, 2, 3, 5):
        answer = seen(digested, points=points)
        assert all(behind - t >= answer["bucket"] for t, behind in pairwise(answer["t"]))


BURST = {"t0": 58, "t1": 60, "kind": "match", "score": 4.5}
SHOCK = {"t": 101, "kind": "price", "size": -0.01, "score": 6.0}
LATER = {"t": 318, "kind": "liquidity", "size": 3.5, "score": 5.5}


@pytest.fixture
def eventful(store: Store) -> Store:
    """After the store's own segments one whose frames tell of what happened long before, as the first of a run does."""
    recording = store.recording()
    told = {310: ([BURST], [SHOCK]), 320: ([], [LATER])}
    for t in range(301, 330):
        bursts, shocks = told.get(t, ([], []))
        events = {"bursts": bursts, "shocks": shocks}
        frame = orjson.dumps({"type": "frame", "t": t, "events": events}) if t % 10 == 0 else None
        recording.write(t, orjson.dumps({"type": "tick", "t": t}), None, frame)
    recording.close()
    Run.objects.update(settings={"cam_w": 300})
    return store


@pytest.mark.parametrize("are_digested", [False, True])
def test_events_come_with_the_first_frame_that_contains_each(eventful: Store, are_digested: bool) -> None:
    if are_digested:
        make_digests(eventful.market, eventful.directory)
    burst = {"t": 58, "kind": "burst", "size": 3, "score": 4.5, "frame_t": 310}
    shock, later = {**SHOCK, "frame_t": 310}, {**LATER, "frame_t": 320}
    assert seen(eventful)["events"] == [burst, shock, later]
    assert seen(eventful, 59, 200)["events"] == [shock]
    assert seen(eventful, 58, 58)["events"] == [burst]
