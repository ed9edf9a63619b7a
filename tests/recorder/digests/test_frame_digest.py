"""The digest of frames: what their windows measure, from the ticks alone, wherever a segment begins."""

from __future__ import annotations

import math

import pytest

from camera.window import SlidingWindowCamera
from recorder.digests.digest_files import load_digest
from recorder.digests.frame_digest import ticks_of
from recorder.digests.making import make_all, make_digests
from recorder.models import Run, Segment
from recorder.tape.history import History
from structure.measures import MEASURES, match_pairs, measures_of
from tests.recorder.store import CAMERA, Store

pytestmark = pytest.mark.django_db


def filmed_in_one_go(store: Store) -> dict[int, list[float | None]]:
    """The measures of every frame, by a camera that sees every tick of the recording."""
    camera = SlidingWindowCamera(CAMERA["cam_w"], CAMERA["cam_stride"])
    found, last, last_t = {}, None, -1
    for tick in ticks_of(History("IG-USD", store.directory), -1):
        camera.ingest(tick)
        if tick.t >= camera.W and tick.t % camera.stride == 0 and camera.ticks == camera.W:
            window = camera.whole_window()
            measures = measures_of(window, last if last_t == tick.t - camera.stride else None)
            last, last_t = match_pairs(window), tick.t
            found[tick.t] = [measures[name] for name in MEASURES]
    return found


def digested(store: Store) -> dict[int, list[float | None]]:
    found = {}
    for row in Segment.objects.filter(kind="frames").order_by("start_t"):
        rows = load_digest(store.directory, "frames", row.name).rows
        assert rows is not None
        assert rows.names == MEASURES
        for t, values in zip(rows.t.tolist(), rows.values.T.tolist(), strict=True):
            found[t] = [None if math.isnan(value) else value for value in values]
    return found


def test_each_frame_measures_as_if_all_was_filmed_in_one_go(store: Store) -> None:
    make_digests(store.market, store.directory)
    found = digested(store)
    assert found == filmed_in_one_go(store)
    assert list(found) == list(range(20, 301, 5))
    places = [MEASURES.index("persistence")]
    assert [t for t, values in found.items() if values[places[0]] is None] == [20]


def test_after_a_gap_the_window_fills_first(digested_with_gap: Store) -> None:
    found = digested(digested_with_gap)
    assert found == filmed_in_one_go(digested_with_gap)
    assert not any(301 <= t < 400 + 19 for t in found)


@pytest.fixture
def digested_with_gap(store: Store) -> Store:
    store.record(60, gap=100)
    make_digests(store.market, store.directory)
    return store


def test_a_run_begins_with_nothing_of_the_run_before(store: Store) -> None:
    run = store.begin_run(5, cam_w=10, cam_stride=3)
    store.record(40)
    make_digests(store.market, store.directory)
    found = digested(store)
    first = min(t for t in found if t >= run.first_t)
    assert first >= run.first_t + 9
    assert found[first][MEASURES.index("persistence")] is None


def test_frames_without_their_ticks_have_no_measures_and_keep_their_events(store: Store) -> None:
    store.paths("ticks")[0].unlink()
    make_digests(store.market, store.directory)
    found = digested(store)
    assert found[20] == [None] * len(MEASURES)
    assert found[295] == filmed_in_one_go(store)[295]


def test_frames_of_a_run_whose_settings_are_unknown_have_no_measures(store: Store) -> None:
    Run.objects.update(settings={})
    make_digests(store.market, store.directory)
    assert set(map(tuple, digested(store).values())) == {(None,) * len(MEASURES)}


def test_the_same_is_made_whenever_it_is_made(store: Store) -> None:
    make_digests(store.market, store.directory)
    files = {path.name: path.read_bytes() for path in (store.directory / "digests" / "frames").iterdir()}
    make_all(store.market, store.directory)
    assert {path.name: path.read_bytes() for path in (store.directory / "digests" / "frames").iterdir()} == files
