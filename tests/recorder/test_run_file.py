"""`runs.json`: a lost database and another installation take from it what the tapes do not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import call_command

from market.price_range import PriceRange
from recorder.importing.adoption import adopt
from recorder.models import Inventory, Market, Run, Segment
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.run_file import keep_runs, kept_runs
from recorder.recovery.run_registry import price_ranges
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db

PRICES = [(0, 60_000.0, 61_000.0), (60, 2.0, 3.0)]
FACTS = ("first_t", "start_ts", "tick_interval", "t_shift", "source", "settings", "price_low", "price_high")


@pytest.fixture
def two_runs(tmp_path: Path, settings: Any) -> Store:
    """Two runs whose prices differ, of a segment of each kind, with their file."""
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path / "store", symbol="IG-USD")
    store = Store(Market.objects.create(symbol="IG-USD"), tmp_path / "store")
    Run.objects.all().delete()
    for first_t, low, high in PRICES:
        store.begin_run(1 + first_t, PriceRange(low, high))
        store.record(60)
    keep_runs(store.market, store.directory)
    return store


def facts(market: Market) -> list[dict[str, Any]]:
    return list(market.runs.order_by("first_t").values(*FACTS))


def runs_of_segments(symbol: str) -> set[tuple[int, int | None]]:
    return set(Segment.objects.of(symbol).values_list("start_t", "run__first_t"))


def lose_the_database() -> None:
    for model in (Segment, Run, Inventory, Market):
        model.objects.all().delete()


def test_repair_makes_the_runs_of_a_lost_database_again(two_runs: Store) -> None:
    before, told = facts(two_runs.market), runs_of_segments("IG-USD")
    lose_the_database()
    call_command("repair")
    assert price_ranges("IG-USD").listed() == PRICES
    assert facts(Market.objects.get()) == before
    assert runs_of_segments("IG-USD") == told
    call_command("repair")
    assert len(facts(Market.objects.get())) == 2


def test_an_adopted_store_brings_its_runs_once_and_keeps_them(two_runs: Store, tmp_path: Path) -> None:
    other, here = Market.objects.create(symbol="OTHER"), tmp_path / "store" / "OTHER"
    adopt(other, here, two_runs.directory)
    assert price_ranges("OTHER").listed() == PRICES
    assert facts(other) == facts(two_runs.market)
    assert {first_t for _, first_t in runs_of_segments("OTHER")} == {0, 60}
    assert not other.runs.filter(ended_at=None).exists(), "they do not continue here"
    assert len(adopt(other, here, two_runs.directory).already) == 6
    assert other.runs.count() == 2
    lose_the_database()
    call_command("repair", symbol="OTHER")
    assert price_ranges("OTHER").listed() == PRICES


def test_a_checkpoint_from_before_the_first_tick_hides_no_prices(two_runs: Store, tmp_path: Path) -> None:
    other = Market.objects.create(symbol="OTHER")
    run = {name: value for name, value in facts(two_runs.market)[1].items() if not name.startswith("price_")}
    first = Checkpoint({**run, "price_range": None}, 60, "", 0, None, False)
    Checkpoints(two_runs.directory).save(first)
    adopt(other, tmp_path / "other", two_runs.directory)
    assert price_ranges("OTHER").listed() == PRICES
    assert other.runs.count() == 2


def test_a_checkpoint_tells_of_a_run_that_the_file_lacks(two_runs: Store, tmp_path: Path) -> None:
    other = Market.objects.create(symbol="OTHER")
    run = {name: value for name, value in facts(two_runs.market)[1].items() if not name.startswith("price_")}
    path = two_runs.directory / "runs.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes())[:1]))
    Checkpoints(two_runs.directory).save(Checkpoint({**run, "price_range": [2.0, 3.0]}, 120, "", 0, None, False))
    adopt(other, tmp_path / "other", two_runs.directory)
    assert price_ranges("OTHER").listed() == PRICES


def test_adopting_into_a_market_whose_rows_are_lost_loses_none_of_its_runs(two_runs: Store, tmp_path: Path) -> None:
    other, here = Market.objects.create(symbol="OTHER"), tmp_path / "store" / "OTHER"
    here.mkdir()
    Store(other, here).begin_run(5, PriceRange(7.0, 8.0))
    keep_runs(other, here)
    Run.objects.filter(market=other).delete()
    adopt(other, here, two_runs.directory)
    assert (7.0, 8.0) in {(run.price_low, run.price_high) for run in kept_runs(here)}


@pytest.mark.parametrize(
    "change",
    [
        {"first_t": None},
        {"first_t": "x"},
        {"price_low": 3.0, "price_high": 2.0},
        {"price_low": 3.0, "price_high": None},
        {"ended_at": "yesterday"},
    ],
)
def test_a_file_that_cannot_be_of_ours_is_said_and_left(
    two_runs: Store, tmp_path: Path, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = two_runs.directory / "runs.json"
    first, second = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps([first | change, second]))
    assert kept_runs(two_runs.directory) == []
    assert "runs.json cannot be used: " in caplog.text
