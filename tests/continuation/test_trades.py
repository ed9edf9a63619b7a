"""A table of trades within a store: what outlives its runs, and where each goes on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igsite.config import Config
from tests.continuation.killed import Killable

pytestmark = pytest.mark.django_db(transaction=True)

#: One second, one trade, always of the same two.
ROWS = "time,price,size,buyer,seller\n" + "".join(f"{1_700_000_000 + t},{100 + t % 3},1,ann,bob\n" for t in range(40))


@pytest.fixture
def config(settings: Any, tmp_path: Path) -> Config:
    table = tmp_path / "trades.csv"
    table.write_text(ROWS)
    settings.CONFIG = replace(
        settings.CONFIG, store_dir=tmp_path / "store", speed=0.0, cam_w=5, cam_stride=5, flush_seconds=0.0,
        source=f"trades:{table}?late=2", tick_interval=1.0,
    )  # fmt: skip
    return settings.CONFIG  # type: ignore[no-any-return]


def trades_so_far(market: Killable) -> list[int]:
    """By the experience of the first agent in each tick."""
    ticks = [tick for tick in market.tape("ticks") if tick["type"] == "tick" and tick["agents"]]
    return [round(-100 * math.log(1 - tick["agents"][0]["experience"])) for tick in ticks]


def test_a_run_goes_on_where_it_was_killed(config: Config) -> None:
    market = Killable(config)
    market.run_killed(config, 13)
    market.run(config)
    assert market.told("ticks") == [*range(40)]
    assert trades_so_far(market) == [*range(1, 41)]
    assert market.faults() == []


def test_experience_is_that_of_all_runs_in_the_store(config: Config) -> None:
    market = Killable(config)
    market.run(config, 10)
    again = replace(config, source=f"{config.source}&silence=5")
    market.run_killed(again, 13)
    market.run(replace(config, source="simulator"), 3)
    market.run(replace(config, source=f"{config.source}&silence=6"), 10)
    assert trades_so_far(market)[:23] == [*range(1, 24)]
    assert trades_so_far(market)[-10:] == [*range(24, 34)]
    assert market.faults() == []
