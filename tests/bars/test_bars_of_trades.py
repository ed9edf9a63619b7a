"""Bars of a table of trades are those that pandas makes of it, to the last digit."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest

from bars.making.builder import Builder
from bars.making.resolutions import PERIOD_MS
from market.price_range import PriceRange, PriceRanges
from market.sources.named import source_from
from market.sources.options import SourceSettings

BEGIN = 1_700_000_000


def table(path: Path) -> pd.DataFrame:
    """Trades over some hours, within a second of their order, with silences, written to `path`."""
    dice, at, rows = random.Random(11), float(BEGIN), []
    for _ in range(3000):
        at += dice.expovariate(2) if dice.random() < 0.99 else 300 * dice.random()
        price, size = round(0.07 + dice.gauss(0, 0.001), 5), round(dice.expovariate(1) + 0.001, 8)
        rows.append((round(at - dice.random(), 6), price, size, *dice.sample("abcdefgh", 2)))
    frame = pd.DataFrame(rows, columns=["time", "price", "size", "buyer", "seller"])
    frame.to_csv(path, index=False)
    return frame


def bars_of(path: Path) -> dict[str, dict[int, tuple[float, ...]]]:
    """Open, high, low, close and volume of every period in which something was traded, by resolution."""
    source = source_from(f"trades:{path}", SourceSettings(tick_seconds=0.1))
    ticks = list(source)
    assert source.price_range is not None
    builder = Builder(PriceRanges([(0, PriceRange(*source.price_range))]))
    bars: dict[str, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for tick in ticks:
        for bar in builder.take(tick):
            if bar.matches:
                bars[bar.resolution][bar.open_ms] = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    return bars


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict[str, dict[int, tuple[float, ...]]]]:
    path = tmp_path_factory.mktemp("table") / "trades.csv"
    return table(path), bars_of(path)


@pytest.mark.parametrize("resolution", [name for name, period in PERIOD_MS.items() if period <= 300_000])
def test_bars_are_those_of_pandas(
    made: tuple[pd.DataFrame, dict[str, dict[int, tuple[float, ...]]]], resolution: str
) -> None:
    trades, bars = made
    by_time = trades.set_index(pd.to_datetime(trades["time"], unit="s")).sort_index(kind="stable")
    periods = by_time.resample(f"{PERIOD_MS[resolution]}ms")
    expected = periods["price"].ohlc().assign(volume=periods["size"].sum().round(8)).dropna()
    begins = [int(at.timestamp() * 1000) for at in expected.index]
    closed = dict(zip(begins[:-1], expected.itertuples(index=False, name=None), strict=False))
    assert bars[resolution] == closed, "the last one is still open"
    assert len(closed) > 20
