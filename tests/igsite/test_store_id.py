"""Under which id a market's recording goes on: its own as long as t tells the same story, and never another's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bars.models import Bar, Gap
from igsite.config import Config
from pipeline.ownership import MarketOwnership
from pipeline.run import MarketRun
from recorder.digests.making import make_digests, miss_lost
from recorder.errors import StoreOfAnother
from recorder.models import Lease, Market, Run, Segment
from recorder.store.store_id import is_store_id, keep_store_id, read_store_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def id_after(config: Config) -> Callable[..., str]:
    """Runs the market for some ticks; the id of its store, which file and row agree about."""

    def run(ticks: int = 30, **changes: Any) -> str:
        MarketRun(replace(config, **changes), home_symbol=config.symbol).run(most_ticks=ticks)
        store_id = read_store_id(config.store_dir)
        assert store_id is not None
        assert is_store_id(store_id)
        assert Market.objects.get().store_id == store_id
        return store_id

    return run


def forget_market() -> None:
    """A database that was lost."""
    for model in (Bar, Gap, Segment, Run, Lease, Market):
        model.objects.all().delete()


def last_t(directory: Path) -> int:
    from recorder.tape.reader import told_to as last_t

    return int(last_t(directory) or 0)


def test_a_store_keeps_its_id_across_starts_and_runs(config: Config, id_after: Callable[..., str]) -> None:
    first = id_after()
    assert id_after() == first
    assert id_after(seed=9) == first, "another run goes on in the same store"


def test_a_database_that_was_lost_learns_it_from_the_store(config: Config, id_after: Callable[..., str]) -> None:
    first = id_after()
    forget_market()
    assert id_after() == first


def test_a_store_that_was_wiped_has_another(config: Config, id_after: Callable[..., str]) -> None:
    first = id_after()
    shutil.rmtree(config.store_dir)
    second = id_after()
    assert second != first, "with its rows kept"
    assert last_t(config.store_dir) >= 59
    shutil.rmtree(config.store_dir)
    forget_market()
    assert id_after() not in (first, second), "without them"


def test_tapes_that_were_removed_and_nothing_else_make_another(config: Config, id_after: Callable[..., str]) -> None:
    first = id_after()
    for kind in ("ticks", "frames", "metrics", "checkpoints"):
        shutil.rmtree(config.store_dir / kind)
    (config.store_dir / "streamed_to").unlink()
    forget_market()
    assert read_store_id(config.store_dir) == first
    assert id_after() != first
    assert last_t(config.store_dir) == 29


def test_a_store_of_the_version_before_gets_one(
    config: Config, id_after: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    id_after()
    (config.store_dir / "store_id").unlink()
    Market.objects.update(store_id="")
    caplog.clear()
    made = id_after()
    assert last_t(config.store_dir) == 59
    assert not [record for record in caplog.records if record.levelname != "INFO"]
    assert id_after() == made


def test_a_file_that_holds_no_id_is_replaced(config: Config, id_after: Callable[..., str]) -> None:
    first = id_after()
    (config.store_dir / "store_id").write_text("nonsense\n")
    assert id_after() != first


@pytest.mark.parametrize("alive", [False, True], ids=["at rest", "copied from a living market"])
def test_an_older_copy_of_the_store_goes_on_under_another(
    config: Config, id_after: Callable[..., str], tmp_path: Path, alive: bool
) -> None:
    """With the database kept: it tells that more was recorded than the copy holds."""
    first = id_after()
    copy = tmp_path / "copy"
    if alive:
        run = MarketRun(config, home_symbol=config.symbol)
        run.run(most_ticks=5, on_tick=lambda ticks: ticks == 3 and shutil.copytree(config.store_dir, copy) and None)
    else:
        shutil.copytree(config.store_dir, copy)
    assert id_after(500) == first
    shutil.rmtree(config.store_dir)
    shutil.copytree(copy, config.store_dir)
    assert read_store_id(config.store_dir) == first
    second = id_after()
    assert second != first
    assert id_after() == second


def test_digests_that_an_older_copy_lacks_are_made_again(
    config: Config, id_after: Callable[..., str], tmp_path: Path
) -> None:
    """The rows tell of them: they were made after the copy."""
    id_after()
    copy, market = tmp_path / "copy", Market.objects.get()
    shutil.copytree(config.store_dir, copy)
    assert make_digests(market, config.store_dir) == 2
    id_after(500)
    shutil.rmtree(config.store_dir)
    shutil.copytree(copy, config.store_dir)
    id_after()
    assert make_digests(market, config.store_dir) == 4, "of both segments, one of which had them"
    assert miss_lost(market, config.store_dir) == 0


def test_a_copy_of_the_whole_store_goes_on_under_its_own(
    config: Config, id_after: Callable[..., str], tmp_path: Path
) -> None:
    first = id_after()
    copy = tmp_path / "copy"
    shutil.copytree(config.store_dir, copy)
    shutil.rmtree(config.store_dir)
    shutil.copytree(copy, config.store_dir)
    assert id_after() == first


def test_another_symbol_does_not_get_the_store_of_a_market(config: Config, settings: Any, id_after: Any) -> None:
    first = id_after()
    rows = list(Segment.objects.values_list("market__symbol", "kind", "name"))
    settings.CONFIG = renamed = replace(config, symbol="BTC")
    with pytest.raises(StoreOfAnother, match=r"is the store of the market IG-USD.*IG_CAM_STORE_DIR and a DATABASE_URL"):
        MarketRun(renamed, home_symbol="BTC")
    for command in (["repair", "--symbol", "BTC"], ["adopt", "."]):
        with pytest.raises(CommandError, match="is the store of the market IG-USD"):
            call_command(*command)
    assert list(Segment.objects.values_list("market__symbol", "kind", "name")) == rows
    assert Market.objects.get().symbol == "IG-USD"
    settings.CONFIG = config
    assert id_after() == first, "nothing was changed"


def test_a_market_beside_another_one_has_a_store_of_its_own(config: Config, id_after: Any) -> None:
    first = id_after()
    MarketRun(replace(config, symbol="BTC"), home_symbol=config.symbol).run(most_ticks=10)
    assert read_store_id(config.store_dir / "BTC") not in (None, first)


def test_a_recording_has_another_symbol_in_another_database(config: Config, settings: Any, id_after: Any) -> None:
    first = id_after()
    forget_market()
    settings.CONFIG = replace(config, symbol="BTC")
    call_command("repair", "--symbol", "BTC")
    MarketRun(settings.CONFIG, home_symbol="BTC").run(most_ticks=10)
    market = Market.objects.get()
    assert (market.symbol, market.store_id) == ("BTC", first)


def test_two_markets_that_have_one_store_by_an_older_version_go_on(config: Config, id_after: Any) -> None:
    first = id_after()
    Market.objects.create(symbol="BTC", store_id=first)
    for symbol in (config.symbol, "BTC"):
        MarketRun(replace(config, symbol=symbol), home_symbol=symbol).run(most_ticks=10)
    assert {market.store_id for market in Market.objects.all()} == {first}


def test_a_directory_that_vanishes_while_its_market_runs_keeps_it(tmp_path: Path) -> None:
    market = Market.objects.create(symbol="X")
    ownership = MarketOwnership(tmp_path / "X", "X")
    ownership.keep_id(market, "a" * 32)
    assert read_store_id(tmp_path / "X") == "a" * 32
    shutil.rmtree(tmp_path / "X")
    ownership.hold_store()
    assert read_store_id(tmp_path / "X") == "a" * 32
    keep_store_id(tmp_path / "X", "b" * 32)
    ownership.hold_store()
    assert read_store_id(tmp_path / "X") == "a" * 32, "whoever holds the store names it"
    ownership.let_go()
