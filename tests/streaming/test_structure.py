"""The measures of frames over HTTP: every frame of a short range, buckets of a long one, and the newest at once."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory

from recorder.digests.chunk_row import DigestChunk
from recorder.digests.digest_files import load_digest
from recorder.digests.live_film import LiveFilm
from recorder.digests.making import make_digests
from recorder.digests.roll_up import roll_up
from recorder.digests.structure import structure as structure_between
from recorder.models import Market, Segment
from recorder.tape.history import History
from runtime.http_errors import HttpError
from streaming.http import newest, structure
from structure.measures import MEASURES
from tests.recorder.made_once import made_once
from tests.recorder.store import Store
from tests.streaming.test_overview import Stub, served

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stub:
    stub = served(monkeypatch, tmp_path)
    monkeypatch.setattr(structure, "newest_frames", newest.Newest(lambda history: LiveFilm(history, lambda: 0.0).step))
    return stub


@pytest.fixture
def store(relay: Stub, tmp_path: Path) -> Store:
    """Frames every 5 ticks from t = 20 on; those to t = 195 have a digest, and those to t = 280 none."""
    return made_once(Market.objects.create(symbol="IG-USD"), tmp_path, in_part_digested)


def in_part_digested(store: Store) -> None:
    store.record(200)
    make_digests(store.market, store.directory)
    store.record(81)


def ask(query: str = "") -> dict[str, Any]:
    request = RequestFactory().get(f"/structure{query}")
    return json.loads(asyncio.run(structure.structure_of(request)).content)


def recorded(store: Store) -> dict[int, dict[str, float | None]]:
    """Each frame's measures by the digests, once all are made."""
    make_digests(store.market, store.directory)
    found = {}
    for row in Segment.objects.filter(kind="frames"):
        rows = load_digest(store.directory, "frames", row.name).rows
        assert rows is not None
        for t, values in zip(rows.t.tolist(), rows.values.T.tolist(), strict=True):
            found[t] = {n: None if math.isnan(v) else v for n, v in zip(MEASURES, values, strict=True)}
    return found


def test_a_short_range_has_every_frame_and_the_newest_too(store: Store) -> None:
    body = ask()
    assert (body["t0"], body["t1"], body["bucket"]) == (20, 280, 5)
    assert list(body) == ["t0", "t1", "bucket", "t", "ts", *MEASURES, "unsummed"]
    assert body["t"] == list(range(20, 281, 5))
    expected = recorded(store)
    for name in MEASURES:
        mean = body[name]["mean"]
        assert body[name] == {"mean": mean, "min": mean, "max": mean}
        assert mean == pytest.approx([expected[t][name] for t in body["t"]], abs=1e-5)
    assert ask() == body


def test_frames_of_a_part_and_some_measures(store: Store) -> None:
    body = ask("?t0=100&t1=122&measures=core,density")
    assert list(body) == ["t0", "t1", "bucket", "t", "ts", "density", "core", "unsummed"]
    assert body["t"] == [100, 105, 110, 115, 120]


def test_a_long_range_is_in_buckets(store: Store) -> None:
    body = ask("?points=5")
    assert (body["bucket"], body["t"]) == (64, [0, 64, 128, 192, 256])
    expected = recorded(store)
    inside = [expected[t]["density"] for t in range(65, 128, 5)]
    column = {part: values[1] for part, values in body["density"].items()}
    assert column == pytest.approx(
        {"mean": sum(inside) / len(inside), "min": min(inside), "max": max(inside)}, abs=1e-5
    )
    assert ask("?points=5") == body
    assert ask("?points=1")["bucket"] == 512


def test_a_measure_that_does_not_exist_is_named(relay: Stub) -> None:
    with pytest.raises(HttpError, match=r"^measures must be among density, .* got 'girth'$"):
        ask("?measures=density,girth")


def test_a_market_without_frames_has_none(relay: Stub) -> None:
    body = ask("?measures=core")
    nothing = {"mean": [], "min": [], "max": []}
    assert body == {"t0": None, "t1": None, "bucket": 64, "t": [], "ts": [], "core": nothing, "unsummed": []}


def test_frames_that_neither_a_digest_nor_the_live_film_has_are_told(store: Store) -> None:
    store.record(2000)
    body = ask()
    before, behind = (200, body["t"][-20] - 1), (body["t"][-1] + 1, 2280)
    assert [(one["from_t"], one["to_t"]) for one in body["unsummed"]] == [before, behind]
    Segment.objects.update(digest=0)
    assert ask()["t0"] == 20
    assert ask("?points=9")["unsummed"][0]["from_t"] == 20
    make_digests(store.market, store.directory)
    assert ask()["unsummed"] == ask("?points=9")["unsummed"] == []


def untold(body: dict[str, Any], recorded: range) -> list[int]:
    """The frames that an answer has neither in `t` (each, or its bucket) nor in `unsummed`."""
    in_buckets = {t // body["bucket"] for t in body["t"]}
    left = [range(one["from_t"], one["to_t"] + 1) for one in body["unsummed"]]
    return [t for t in recorded if t // body["bucket"] not in in_buckets and not any(t in span for span in left)]


@pytest.mark.parametrize("points", [1000, 5])
def test_frames_that_are_sealed_after_the_newest_were_measured_are_told(store: Store, points: int) -> None:
    new = LiveFilm(History("IG-USD", store.directory), lambda: 0.0).step()
    store.record(300)
    body = structure_between("IG-USD", store.directory, new, None, None, points, MEASURES)
    assert (body["t1"], body["unsummed"]) == (580, [{"from_t": 285, "to_t": 580}])


@pytest.mark.parametrize("points", [1000, 5])
def test_frames_are_told_whenever_their_digest_is_made(store: Store, points: int) -> None:
    new = LiveFilm(History("IG-USD", store.directory), lambda: 0.0).step()
    store.record(300)
    asked = 0

    def digest_before(query: int, run: Callable[..., Any], *rest: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == query:
            thread = Thread(target=make_digests, args=(store.market, store.directory))  # with a connection of its own
            thread.start()
            thread.join()
        return run(*rest)

    for query in count(1):
        asked = 0
        with connection.execute_wrapper(partial(digest_before, query)):
            body = structure_between("IG-USD", store.directory, new, None, None, points, MEASURES)
        assert untold(body, range(20, 581, 5)) == [], f"digests made before query {query}"
        if asked < query:
            break
        Segment.objects.filter(start_t__gte=200).update(digest=0)
        DigestChunk.objects.filter(kind="frames").delete()
        digested = Segment.objects.filter(kind="frames", digest__gt=0)
        roll_up(store.market, store.directory, "frames", coming=list(digested))
    assert query > 5


def test_each_step_of_the_live_film_measures_a_bounded_number_of_frames(store: Store) -> None:
    film = LiveFilm(History("IG-USD", store.directory), clock=lambda: 0.0)
    sizes = [film.step().t.size]
    store.record(400)
    for _ in range(5):
        rows = film.step()
        sizes.append(rows.t.size)
    assert sizes[0] <= 20
    assert all(0 <= behind - before <= 20 for before, behind in pairwise(sizes))
    assert rows.t[-1] == 680


def test_a_step_ends_when_its_time_is_over(store: Store) -> None:
    now = iter(range(1000))
    film = LiveFilm(History("IG-USD", store.directory), clock=lambda: float(next(now)))
    film.step()
    assert film._reached_t == 172


def test_a_film_that_falls_far_behind_leaves_frames_out(store: Store) -> None:
    film = LiveFilm(History("IG-USD", store.directory), clock=lambda: 0.0)
    film.step()
    store.record(2000)
    rows = film.step()
    assert rows.t[-1] == 2280
    assert 2000 not in rows.t


def test_the_live_film_measures_no_window_of_two_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    film = LiveFilm(History("IG-USD", store.directory), lambda: 0.0)
    assert film.step().t[-1] == 280
    store.begin_run(seed=1)
    with monkeypatch.context() as before_rows:  # they are written some seconds after the ticks
        before_rows.setattr(store, "_save", lambda facts: None)
        store.record(60)
    assert film.step().t[-1] == 280
    store.record(40)
    assert [t for t in film.step().t.tolist() if t > 280] == list(range(300, 381, 5))
