"""`manage.py export`, and the task that keeps a folder current: whole in spite of a kill, and clear in its errors."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from exports import checks, exporting, folder, tasks
from exports.errors import OtherExport
from exports.export_log import NAME
from market.price_range import PriceRange
from recorder.models import Market, Run
from recorder.recovery.run_registry import price_ranges
from recorder.store.store_id import keep_store_id, new_store_id
from tests.exports.test_folder import read
from tests.processes import PATIENCE_SECONDS, Process, Site, wait_until
from tests.recorder.made_once import made_once
from tests.recorder.store import Store


@pytest.fixture
def market(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A market of 100 ticks, in a store of its own."""
    monkeypatch.setattr(exporting, "directory_of", lambda symbol: tmp_path / "store")
    return made_once(Market.objects.create(symbol="IG-USD"), tmp_path / "store", recorded)


def recorded(store: Store) -> None:
    store.record(100)


def export(*arguments: Any, **options: Any) -> str:
    output = io.StringIO()
    call_command("export", *map(str, arguments), stdout=output, **options)
    return output.getvalue()


def test_it_says_what_the_folder_holds(market: Store, tmp_path: Path) -> None:
    assert export(tmp_path / "out", "--kind", "ticks", "--kind", "bars", "--t1", 49) == (
        "ticks: 50 rows in 1 files, t=0..49\nbars: nothing\n"
    )
    assert export(tmp_path / "out", "--kind", "ticks") == "ticks: 100 rows in 2 files, t=0..99\n"
    assert export(tmp_path / "all", "--format", "mcap").startswith("mcap: 1")


@pytest.mark.parametrize("name", ["out-2026-11-30T10:00", "s3:out", "Z\udcfcrich"])
def test_a_folder_may_have_any_name(market: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert export(name, "--kind", "ticks") == "ticks: 100 rows in 1 files, t=0..99\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--symbol", "NOPE"], "there is no market 'NOPE'; there is IG-USD"),
        (["--format", "mcap", "--kind", "ticks"], "MCAP has ticks, metrics and frames in one file; leave out --kind"),
        (["--t0", "-1"], f"argument --t0: must be an integer from 0 to {2**53}, got '-1'"),
        (["--t1", "9" * 20], f"argument --t1: must be an integer from 0 to {2**53}, got '{'9' * 20}'"),
        (["--t0", "50", "--t1", "49"], "--t0 must not be above --t1, got 50 and 49"),
        (["--kind", "frames"], "argument --kind: invalid choice: 'frames'"),
        (["--resolution", "5m"], "holds an export with resolution 1m, not 5m; choose another folder"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(market: Store, tmp_path: Path, arguments: list[str], words: str) -> None:
    export(tmp_path / "out", "--kind", "ticks")
    with pytest.raises(CommandError) as told:
        export(tmp_path / "out", *arguments)
    assert words in str(told.value)


def test_a_folder_has_one_process_at_a_time(market: Store, tmp_path: Path) -> None:
    with exporting.opened(tmp_path / "out", "IG-USD", folder.Layout()):
        with pytest.raises(CommandError, match=r"another process exports to .*/out now"):
            export(tmp_path / "out")


def test_the_task_keeps_a_folder_current(market: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, export_dir=tmp_path / "current"))
    monkeypatch.setattr(tasks, "_SECONDS", PATIENCE_SECONDS)
    Market.objects.create(symbol="EMPTY")
    directory_of: Callable[[str], Path] = lambda symbol: tmp_path / ("store" if symbol == "IG-USD" else "none")  # noqa: E731
    monkeypatch.setattr(exporting, "directory_of", directory_of)
    assert tasks.keep_current() > 100
    assert tasks.keep_current() == 0
    market.record(20)
    tasks.keep_current()
    assert read(tmp_path / "current" / "IG-USD" / "kind=ticks").column("t").to_pylist() == list(range(120))
    monkeypatch.setattr(tasks, "_SECONDS", 0.0)
    market.record(20)
    tasks.keep_current()  # one part of one kind, whatever the time
    assert read(tmp_path / "current" / "IG-USD" / "kind=ticks").num_rows == 140
    assert read(tmp_path / "current" / "IG-USD" / "kind=agents").column("t").to_pylist()[-1] == 119


def test_where_time_is_always_short_every_kind_moves_on(market: Store, tmp_path: Path) -> None:
    tapes = [kind for kind in exporting.KINDS if kind != "bars"]  # a bar closes with a minute
    for _ in tapes:
        exporting.keep_current(tmp_path / "out", "IG-USD", lambda: True)
        market.record(20)
    with exporting.opened(tmp_path / "out", "IG-USD", folder.Layout()) as out:
        assert min(out.begin_of(kind) for kind in tapes) > 0


def test_a_market_that_cannot_be_exported_keeps_no_other_waiting(
    market: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, export_dir=tmp_path / "current"))
    monkeypatch.setattr(exporting, "directory_of", lambda symbol: tmp_path / f"store{symbol.removeprefix('IG-USD')}")
    other = Store(Market.objects.create(symbol="ANOTHER"), tmp_path / "storeANOTHER")
    other.record(20)
    tasks.keep_current()
    keep_store_id(other.directory, new_store_id())  # it goes on as another recording
    market.record(20)
    with pytest.raises(OtherExport):
        tasks.keep_current()
    assert read(tmp_path / "current" / "IG-USD" / "kind=ticks").num_rows == 120


def test_ticks_of_a_run_whose_prices_are_not_known_yet_come_with_a_later_run(
    market: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exported() -> dict[int, float]:
        exporting.keep_current(tmp_path / "out", "IG-USD", lambda: False)
        table = read(tmp_path / "out" / "kind=ticks")
        return dict(zip(table.column("t").to_pylist(), table.column("price").to_pylist(), strict=True))

    run = market.begin_run(1, None)
    market.record(20)
    assert max(exported()) == 99
    Run.objects.filter(pk=run.pk).update(price_low=2.0, price_high=3.0)
    prices = exported()
    assert max(prices) == 119
    assert all(2 <= price <= 3 for t, price in prices.items() if t >= 100)

    def then_more(symbol: str) -> Any:
        found = price_ranges(symbol)
        market.begin_run(2, PriceRange(5.0, 6.0))
        market.record(20)
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(exporting, "price_ranges", then_more)
        assert max(exported()) == 119
    assert 5 <= exported()[139] <= 6
    market.begin_run(3, None)
    market.record(20)
    market.run.ended_at = timezone.now()  # adopted, say: its prices will not be known any more
    market.run.save()
    assert max(exported()) == 159


def test_a_missing_pyarrow_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert checks.check_pyarrow() == []
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, export_dir=tmp_path))
    assert [error.id for error in checks.check_pyarrow()] == ["exports.E001"]


@pytest.mark.long
def test_a_killed_export_has_each_row_once_when_it_goes_on(new_site: Callable[[], Site]) -> None:
    site = new_site()
    made = site.run("runmarket", "--ticks", "6000", "--speed", "0", IG_CAM_W=20, IG_CAM_STRIDE=20)
    assert made.returncode == 0, made.stderr
    out, whole = site.directory / "out", site.directory / "whole"

    def lines() -> int:
        log = out / NAME
        return log.read_bytes().count(b"\n") if log.exists() else 0

    def has_part_or_ended(killed: Process, number: int) -> bool:
        return not killed.running or lines() >= number

    for number in range(2, 6):
        killed = site.start("export", str(out))
        wait_until(partial(has_part_or_ended, killed, number), "a part of the export")
        killed.process.send_signal(signal.SIGKILL)
        killed.wait()
    ended = site.run("export", str(out))
    assert ended.returncode == 0, ended.stderr
    assert site.run("export", str(whole)).stdout == ended.stdout
    for kind in ("ticks", "agents", "actions", "matches", "metrics", "nodes", "edges"):
        assert read(out / f"kind={kind}").equals(read(whole / f"kind={kind}"))
    assert not list(out.rglob("*.new"))
