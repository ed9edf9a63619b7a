"""Which settings begin a new run: those that the ticks, metrics and frames depend on, and no other."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from bars.making.keeper import BarKeeper
from bars.models import Bar, Gap
from igsite.config import Config
from market.price_range import PriceRange
from market.sources.simulated import SimulatorSource
from market.tick import MarketError
from market.timestamps import END_TS
from pipeline.run import MarketRun
from pipeline.run_facts import RunFacts
from recorder.manifest.row_writer import ManifestRowWriter
from recorder.models import Inventory, Lease, Market, Run, Segment
from recorder.recovery.run_registry import RUN_SETTINGS, price_ranges
from recorder.tape.high_water_mark import raise_mark
from recorder.tape.history import History

pytestmark = pytest.mark.django_db(transaction=True)

#: By the contract: source, seed, adjust interval, tick interval, and what the camera goes by.
BEGINS_A_RUN: dict[str, Any] = {
    "seed": 7,
    "adjust_interval": 1999,
    "tick_interval": 0.2,
    "cam_w": 21,
    "cam_stride": 6,
    "cam_edge_cap": 1999,
    "cam_node_cap": 4999,
    "cam_edge_order": "id",
    "cam_type_share": 0.1,
    "cam_prox_eps_pct": 0.004,
    "cam_metric_downsample": 2,
}

#: These name another store, market or database.
ELSEWHERE = {"store_dir", "symbol", "database_url", "redis_url"}


@pytest.fixture
def make_ticks() -> Callable[..., Run]:
    """Runs a market for some ticks; the run they belong to."""

    def make(config: Config, ticks: int = 5) -> Run:
        run = MarketRun(config, home_symbol=config.symbol)
        run.run(most_ticks=ticks)
        return run._run

    return make


def other_value(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    return value * 2 + 1 if isinstance(value, int | float) else value


def test_every_setting_that_makes_another_market_begins_a_run_and_no_other(
    config: Config, make_ticks: Callable[..., Run], tmp_path: Path
) -> None:
    assert set(RUN_SETTINGS) == {*BEGINS_A_RUN, "source"}
    first = make_ticks(config, 5)
    others = {setting.name for setting in fields(Config)} - ELSEWHERE - set(RUN_SETTINGS)
    changed = {name: other_value(getattr(config, name)) for name in others} | {"start_ts": 1.8e9}
    assert make_ticks(replace(config, **changed), 1) == first
    last, t = first, 6
    for name, value in BEGINS_A_RUN.items():
        config = replace(config, **{name: value})
        run = make_ticks(config, 2)
        assert run != last, name
        assert (run.first_t, run.settings[name]) == (t, value)
        last, t = run, t + 2
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(b'{"type":"tick","t":0,"ts":1.6e9,"s":{"price_norm":0.5,"volatility":0.1,"liquidity":1.0,'
                      b'"imbalance":0.0},"agents":[],"actions":[],"matches":[]}\n')  # fmt: skip
    played = make_ticks(replace(config, source=f"file:{tape}"))
    assert (played.first_t, played != last) == (t, True)
    assert make_ticks(config, 1).first_t == t + 1, "back to settings that were there before"


def test_a_new_run_begins_in_market_time_after_the_last_one(config: Config, make_ticks: Callable[..., Run]) -> None:
    first = make_ticks(config, 5)
    second = make_ticks(replace(config, seed=9, start_ts=1.0), 5)
    assert second.start_ts == round(first.start_ts + 5 * config.tick_interval, 6)
    third = make_ticks(replace(config, seed=10, start_ts=1.9e9), 1)
    assert third.start_ts == 1.9e9


def test_a_recorded_time_that_cannot_be_pushes_no_later_run_behind_it(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before_it_was_checked:
        before_it_was_checked.setattr("pipeline.continuation.END_TS", math.inf)
        make_ticks(replace(config, start_ts=1.7e9 * 1000), 5)
    assert make_ticks(replace(config, seed=9), 5).start_ts == config.start_ts


def test_a_market_does_not_begin_at_a_clock_that_was_never_set(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.run.time.time", lambda: 60.0)
    with pytest.raises(MarketError, match="the clock of this host says 60, which is not Unix seconds"):
        make_ticks(replace(config, start_ts=None), 1)
    assert make_ticks(config, 1).start_ts == config.start_ts


def test_market_time_ends_before_times_that_cannot_be(config: Config, make_ticks: Callable[..., Run]) -> None:
    with pytest.raises(MarketError, match="t=3: market time has come to its end, the year 2200"):
        make_ticks(replace(config, start_ts=END_TS - 3 * 86_400, tick_interval=86_400.0), 5)


def test_a_run_that_never_made_a_tick_leaves_its_row_to_the_next(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from recorder.recovery.checkpoints import Checkpoints

    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "save", killed)
        MarketRun(config, home_symbol=config.symbol)
    make_ticks(config, 3)
    make_ticks(config, 3)
    (run,) = Run.objects.all()
    assert (run.first_t, run.settings["seed"]) == (0, config.seed)


def test_a_run_that_made_nothing_but_a_gap_line_leaves_its_row_to_the_next(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ticks(config, 5)
    raise_mark(config.store_dir, 9)  # its last ticks were streamed, and did not reach the disk
    for seed, prices, ticks in ((8, (40_000.0, 60_000.0), 0), (9, (30_000.0, 50_000.0), 3)):
        monkeypatch.setattr(SimulatorSource, "price_range", prices)
        make_ticks(replace(config, seed=seed), ticks)
        assert Segment.objects.of("IG-USD", "ticks").filter(run__first_t=10, gaps=1).exists()
    assert [(run.first_t, run.settings["seed"]) for run in Run.objects.all()] == [(0, config.seed), (10, 9)]
    assert price_ranges("IG-USD").holding_at(10)[0] == PriceRange(*prices)


def test_prices_that_a_source_learns_with_its_first_tick_stay_with_the_run(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_ticks(config, 3)
    made.refresh_from_db()
    assert (made.price_low, made.price_high) == (40_000, 60_000)

    monkeypatch.setattr(SimulatorSource, "price_range", None)
    monkeypatch.setattr(SimulatorSource, "__iter__", _learning(SimulatorSource.__iter__, (1.0, 3.0)))
    for ticks in (3, 2):
        run = make_ticks(replace(config, seed=9), ticks)
        run.refresh_from_db()
        assert (run.first_t, run.price_low, run.price_high) == (3, 1.0, 3.0)
        # A run that continues has the range it began with, whatever the source would say now.
        monkeypatch.setattr(SimulatorSource, "__iter__", _learning(SimulatorSource.__iter__, (5.0, 7.0)))
    assert price_ranges("IG-USD").listed() == [(0, 40_000.0, 60_000.0), (3, 1.0, 3.0)]


def test_a_run_of_a_version_that_kept_no_prices_continues_with_those_of_the_model(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(RunFacts, "for_checkpoint", _without_prices(RunFacts.for_checkpoint))
        first = make_ticks(config, 5)
    Run.objects.update(price_low=None, price_high=None)
    assert make_ticks(config, 1) == first
    assert price_ranges("IG-USD").listed() == [(0, 40_000.0, 60_000.0)]


def test_a_run_of_a_version_without_an_order_of_edges_is_filmed_as_it_was_to_its_end(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def frames() -> list[dict[str, Any]]:
        lines = History(config.symbol, config.store_dir).lines("frames", -1)
        return [json.loads(line.text) for line in lines]

    with monkeypatch.context() as before:
        later = ("cam_edge_order", "cam_type_share")
        before.setattr("pipeline.run.RUN_SETTINGS", [name for name in RUN_SETTINGS if name not in later])
        first = make_ticks(config, 23)
    assert "is filmed as it was" not in caplog.text
    caplog.set_level("INFO")
    for starts, order in enumerate(["mixed", "id", "mixed"], 1):
        assert make_ticks(replace(config, cam_edge_order=order), 10) == first
        assert caplog.text.count("IG-USD: the run from t=0 is filmed as it was before this version: ") == starts
    assert not any("pairs" in frame["window"] for frame in frames())
    last = Run.objects.get()
    assert "cam_edge_order" not in last.settings

    second = make_ticks(replace(config, seed=9), 30)
    assert second.settings["cam_edge_order"] == "mixed"
    assert make_ticks(replace(config, seed=9), 1) == second
    assert caplog.text.count("is filmed as it was") == starts, "and no word of it for runs of this version"
    assert [("pairs" in frame["window"]) == (frame["t"] >= second.first_t) for frame in frames()] == [True] * 9
    call_command("verify", "--deep")


def test_a_run_of_a_version_without_a_share_for_each_type_is_filmed_as_it_was_to_its_end(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Few edges, all of them neighbouring quotes: of the next run every second one is a match."""

    def matches_of_frames(from_t: int) -> list[int]:
        lines = History(config.symbol, config.store_dir).lines("frames", from_t - 1)
        frames = [json.loads(line.text)["edges"] for line in lines]
        return [sum(edge["type"] == "match" for edge in edges) for edges in frames]

    config = replace(config, cam_edge_cap=2, cam_w=100, cam_type_share=0.5)
    with monkeypatch.context() as before:
        before.setattr("pipeline.run.RUN_SETTINGS", [name for name in RUN_SETTINGS if name != "cam_type_share"])
        first = make_ticks(config, 110)
    caplog.set_level("INFO")
    assert make_ticks(config, 20) == first
    assert "is filmed as it was before this version: no share of the edges for each type" in caplog.text
    last_t = Segment.objects.latest("end_t").end_t
    as_before = matches_of_frames(0)
    second = make_ticks(replace(config, seed=9), 130)
    assert second.settings["cam_type_share"] == 0.5
    anew = matches_of_frames(last_t + 1)
    assert set(anew) == {1}
    assert set(as_before) != {1}
    call_command("verify", "--deep")


def test_the_folder_of_a_running_market_tells_its_prices(config: Config) -> None:
    run = MarketRun(config, home_symbol=config.symbol)

    def look(_: int) -> None:
        (told,) = json.loads((config.store_dir / "runs.json").read_bytes())
        if (told["price_low"], told["price_high"]) == (40_000, 60_000):
            run.stop.set()

    run.run(most_ticks=100_000, on_tick=look)
    assert run.stop.is_set(), "while it went on"


def test_a_lost_database_has_the_runs_and_their_prices_again_with_the_next_start(
    config: Config, make_ticks: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for seed, prices in enumerate([(1.0, 3.0), (5.0, 7.0), (2.0, 4.0)]):
        monkeypatch.setattr(SimulatorSource, "price_range", prices)
        make_ticks(replace(config, seed=seed), 5)
    columns = [field.name for field in Run._meta.fields if field.name not in ("id", "market", "created_at", "ended_at")]
    runs, bars = [*Run.objects.values(*columns)], [*Bar.objects.values_list("open_ms", "close")]
    for model in (Bar, Gap, Segment, Inventory, Lease, Run, Market):
        model.objects.all().delete()

    make_ticks(replace(config, seed=2), 1)
    assert [*Run.objects.values(*columns)] == runs
    assert [segment.run.first_t for segment in Segment.objects.of("IG-USD", "ticks").oldest_first()][:3] == [0, 5, 10]
    assert [*Bar.objects.values_list("open_ms", "close")][: len(bars)] == bars

    (config.store_dir / "runs.json").write_text("[{}]")
    make_ticks(replace(config, seed=2), 1)
    assert "runs.json cannot be used: 'first_t'" in caplog.text
    assert len(json.loads((config.store_dir / "runs.json").read_bytes())) == 3


def _learning(iterate: Any, prices: tuple[float, float]) -> Any:
    def ticks(source: Any) -> Any:
        made = iterate(source)
        first = next(made)
        source.price_range = prices
        yield first
        yield from made

    return ticks


def _without_prices(facts: Any) -> Any:
    return lambda self: {name: value for name, value in facts(self).items() if name != "price_range"}


def test_nothing_is_left_running(config: Config, make_ticks: Callable[..., Run]) -> None:
    make_ticks(config, 3)
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("lease", "manifest", "checkp"))]
    assert left == []


@pytest.mark.parametrize("is_stopped", [False, True])
def test_rows_have_more_time_where_the_market_ends_by_itself(
    config: Config, monkeypatch: pytest.MonkeyPatch, is_stopped: bool
) -> None:
    given: dict[type, float] = {}
    for closed in (BarKeeper, ManifestRowWriter):

        def close(self: Any, seconds: float, of: Any = closed.close) -> Any:
            given[type(self)] = seconds
            return of(self, seconds)

        monkeypatch.setattr(closed, "close", close)
    market = MarketRun(config, home_symbol=config.symbol)
    market.run(most_ticks=3, on_tick=lambda _: market.stop.set() if is_stopped else None)
    hurried = {BarKeeper: 0.7, ManifestRowWriter: 1.5}
    assert given == (hurried if is_stopped else {kind: 10 * seconds for kind, seconds in hurried.items()})


def test_a_model_in_an_empty_store_begins_with_a_past_and_goes_on_with_the_rest_of_it(config: Config) -> None:
    config = replace(config, speed=1.0, head_start=40, start_ts=None)
    before = time.time()
    first = MarketRun(config, home_symbol=config.symbol)
    begun = time.time()
    first.run(most_ticks=30)
    assert before <= first._run.start_ts + 4.0 <= begun
    second = MarketRun(replace(config, head_start=0), home_symbol=config.symbol)
    assert second._facts.head_start_left(second._continued.next_t) == 10
    second.run(most_ticks=1)
    another = MarketRun(replace(config, seed=9), home_symbol=config.symbol)
    assert another._facts.head_start_left(another._continued.next_t) == 0
    another.run(most_ticks=1)
    assert another._run.start_ts >= begun


def test_flat_out_begins_now(config: Config) -> None:
    before = time.time()
    run = MarketRun(replace(config, head_start=40, start_ts=None), home_symbol=config.symbol)
    run.run(most_ticks=1)
    assert run._run.start_ts >= before
