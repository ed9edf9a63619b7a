"""The overview over HTTP: its parameters, what it shares among those who ask, and its headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from recorder.digests.making import make_digests
from recorder.digests.overview import present_of
from recorder.errors import OtherStore
from recorder.models import Market, Run
from recorder.tape.history import History
from runtime.http_errors import HttpError
from streaming.http import newest, overview, parameters
from tests.recorder.made_once import made_once
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db(transaction=True)


class Stub:
    """The relay of a market, as far as the overview asks it."""

    symbol = "IG-USD"

    def __init__(self, directory: Path) -> None:
        self.history = History("IG-USD", directory)
        self.store_id: str | None = "a1" * 16

    async def learn_prices(self) -> list[tuple[int, float, float]]:
        return [(0, 40_000.0, 60_000.0)]

    def enter(self, store_id: str) -> None:
        self.store_id = store_id


def served(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Stub:
    """The market that every request asks for."""
    stub = Stub(directory)

    async def found(request: Any) -> Stub:
        return stub

    monkeypatch.setattr(parameters, "relay", found)
    return stub


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stub:
    stub = served(monkeypatch, tmp_path)
    monkeypatch.setattr(overview, "presents", newest.Newest(present_of))
    return stub


@pytest.fixture
def store(relay: Stub, tmp_path: Path) -> Store:
    return made_once(Market.objects.create(symbol="IG-USD"), tmp_path, in_part_digested)


def in_part_digested(store: Store) -> None:
    store.record(200)
    make_digests(store.market, store.directory)
    store.record(100)


def ask(query: str = "", **headers: str) -> HttpResponse:
    request = RequestFactory().get(f"/overview{query}", headers=headers)
    return asyncio.run(overview.overview_of(request))


def test_it_is_the_whole_recording_with_its_newest_part(store: Store) -> None:
    response = ask()
    body = json.loads(response.content)
    assert (body["t0"], body["t1"], body["t"]) == (0, 299, [0, 64, 128, 192, 256])
    assert response["Market-Camera-Store"] == "a1" * 16
    assert response["Content-Type"] == "application/json"


def test_who_has_it_is_not_sent_it_again(store: Store) -> None:
    first = ask()
    assert first["Cache-Control"] == "no-cache"
    assert ask(**{"If-None-Match": first["ETag"]}).status_code == 304
    assert ask("?points=2", **{"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?points=0", "points must be from 1 to 5000, got 0"),
        ("?points=5001", "points must be from 1 to 5000, got 5001"),
        ("?points=many", "points must be an integer, got 'many'"),
        ("?t0=-1", "t0 must be from 0 to 9007199254740991, got -1"),
        ("?t1=x", "t1 must be an integer, got 'x'"),
        ("?t0=5&t1=4", "t1 must not be below t0, got t0=5 and t1=4"),
    ],
)
def test_bad_parameters_are_named(relay: Stub, query: str, message: str) -> None:
    with pytest.raises(HttpError) as refused:
        ask(query)
    assert (refused.value.status, refused.value.message) == (400, message)


def test_a_market_without_a_recording_has_an_empty_overview(relay: Stub) -> None:
    body = json.loads(ask("?t0=5&t1=9").content)
    assert (body["t0"], body["t1"], body["t"], body["gaps"]) == (5, 9, [], [])


def test_a_range_far_beyond_the_recording_is_empty_at_no_cost(store: Store) -> None:
    assert json.loads(ask(f"?t0=0&t1={2**53 - 1}&points=1").content)["t"] == [0]
    assert json.loads(ask(f"?t0={2**52}&t1={2**53 - 1}").content)["t"] == []


def test_all_who_ask_within_a_second_share_the_work(relay: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.shared.time", SimpleNamespace(monotonic=lambda: 0.0))
    done: list[int] = []

    async def ask_often() -> list[int]:
        shared = newest.shared(lambda: done.append(1) or len(done))
        return [*await asyncio.gather(*(shared.get() for _ in range(5))), await shared.get()]

    assert asyncio.run(ask_often()) == [1] * 6


def test_a_store_that_took_the_others_place_is_read_from_its_beginning(relay: Stub) -> None:
    begun: list[str | None] = []

    def begin(history: History) -> Callable[[], str | None]:
        begun.append(relay.store_id)

        def work() -> str | None:
            if len(begun) == 1:
                raise OtherStore("b2" * 16)
            return begun[-1]

        return work

    async def found() -> str | None:
        return await newest.Newest(begin).newest(relay)  # type: ignore[arg-type]

    assert asyncio.run(found()) == "b2" * 16
    assert begun == ["a1" * 16, "b2" * 16]


def test_a_run_whose_prices_are_not_known_yet_has_none_of_the_run_before(store: Store) -> None:
    store.record(-store.next_t % 64)
    border = store.next_t // 64
    run = store.begin_run(prices=None)
    store.record(30)
    find = present_of(History("IG-USD", store.directory))
    before = find()
    assert before.metrics is not None
    assert before.metrics.buckets.numbers[-1] == border - 1
    assert before.read[1] < run.first_t
    Run.objects.filter(pk=run.pk).update(price_low=0.5, price_high=1.5)
    after = find()
    assert after.metrics is not None
    assert after.metrics.buckets.numbers[-1] == border
    assert (after.metrics.buckets.ends[:, -1] < 1.5).all()
