"""Bars of a table of trades are those that pandas makes of it, to the last digit, and those of runs of other markets
behind each other are each at its own prices."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bars import stored
from bars.making.builder import Builder
from bars.making.ohlcv import Ohlcv
from bars.making.rebuild import Rebuild
from bars.making.resolutions import PERIOD_MS
from market.price_range import PriceRange, PriceRanges
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.tick import Tick
from recorder.models import Market, Run
from recorder.tape.history import History
from tests.bars.kept import rows
from tests.bars.ticks import NOON, tick

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
    for one in ticks:
        for bar in builder.take(one):
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


#: First t and prices of the runs of `two_markets`; the last one is of the same market as that before.
RUNS = [(0, 30_000.0, 90_000.0), (3, 90.0, 110.0), (9, 90.0, 110.0)]


def two_markets(behind_seconds: float) -> list[Tick]:
    """Trades at 60,000, and a run of another market so long after the last of them, whose first match comes late."""
    quotes = [("buy", 1.0, 1.0), ("sell", 1.0, 1.0)]
    told = [60_000.0, 60_010.0, 60_020.0, None, None, 100.5, *[None] * 9, 99.5, *[None] * 200]
    ticks = []
    for t, price in enumerate(told):
        ts = NOON + t if t < 3 else NOON + 2 + behind_seconds + (t - 3) / 2
        matches, trades = ([], None) if price is None else ([(0, 1)], [(price, 1.0)])
        ticks.append(tick(t, ts, quotes, matches, trades, price_norm=0.25))
    return ticks


def taken(builder: Builder, ticks: list[Tick]) -> list[stored.Closing]:
    closings = [stored.closing_of(builder, builder.take(one)) for one in ticks]
    return [closing for closing in closings if closing is not None]


def bars_in(closings: list[stored.Closing], after_t: int = -1) -> list[Ohlcv]:
    return [bar for closing in closings for bar in closing.bars if bar.last_t > after_t]


def closes_of(ticks: list[Tick]) -> list[float]:
    """Those of the seconds."""
    return [bar.close for bar in bars_in(taken(Builder(ranges()), ticks)) if bar.resolution == "1s"]


def ranges(runs: list[tuple[int, float, float]] = RUNS) -> PriceRanges:
    return PriceRanges((first_t, PriceRange(low, high)) for first_t, low, high in runs)


def test_a_run_of_another_market_repeats_no_trade_of_the_one_before() -> None:
    closes = closes_of(two_markets(30))
    # Seconds of its ticks' price until the first match; then the last trade of its market, in the run behind too.
    assert closes == [60_000.0, 60_010.0, 60_020.0, 95.0, *[100.5] * 5, *[99.5] * (len(closes) - 9)]


def test_a_second_of_two_markets_is_repeated_by_none() -> None:
    ticks = two_markets(0.1)
    assert closes_of(ticks)[2:5] == [60_020.0, 100.5, 100.5]
    without_its_first_match = [one for one in ticks if one.t != 5]
    assert closes_of(without_its_first_match)[2:5] == [60_020.0, 95.0, 95.0]


@pytest.mark.parametrize("behind_seconds", [0.1, 30])
def test_bars_of_two_markets_are_equal_live_restored_rebuilt_and_of_a_relay(
    market: Market, tape: Callable[[list[Tick]], History], behind_seconds: float
) -> None:
    ticks = two_markets(behind_seconds)
    live = taken(Builder(ranges()), ticks)
    assert taken(Builder(ranges(ranges().listed())), ticks) == live, "which knows the ranges, and not the runs"
    for closing in live:
        stored.save(market, [closing])
        restored = stored.builder_from(market, ranges())
        assert restored.t is not None
        after_t = restored.t
        assert bars_in(taken(restored, ticks[after_t + 1 :]), after_t) == bars_in(live, after_t)
    kept = rows()
    for first_t, low, high in RUNS:
        made = {"start_ts": NOON, "tick_interval": 0.5, "source": "trades", "settings": {}}
        Run.objects.create(market=market, first_t=first_t, price_low=low, price_high=high, **made)
    Rebuild(market, tape(ticks)).run()
    assert rows() == kept
