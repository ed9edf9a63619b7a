"""Bars of half an hour and of a week, made of those that a server keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bars.making.ohlcv import Merger, Ohlcv
from marketcamera import Backtest, Bar, get_price
from marketcamera.bars import prices
from marketcamera.bars.bar import FREQUENCIES, MADE, RESOLUTIONS
from marketcamera.bars.history import BarHistory
from marketcamera.bars.made_bars import bars_of_parts

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def part(resolution: str, n: int) -> Bar:
    """The nth bar from Monday on; each is told from the others by its numbers."""
    length = RESOLUTIONS[resolution]
    begin = ms(MONDAY) + n * length
    return Bar("A", resolution, begin, begin + length, n + 0.1, n + 0.9, n - 0.9, n + 0.2, float(n % 5))


class Source:
    """Gives the last so many bars that had closed by a time, as a server does."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self.bars = bars

    def before(self, symbol: str, resolution: str, end_ms: int, count: int) -> Sequence[Bar]:
        return [one for one in self.bars if one.resolution == resolution and one.close_time <= end_ms][-count:]


def row(frequency: str, begin: int, parts: Sequence[Bar]) -> tuple[float, ...]:
    """What a bar of these parts is by definition."""
    high, low = max(one.high for one in parts), min(one.low for one in parts)
    volume = sum(one.volume for one in parts)
    return (begin + FREQUENCIES[frequency], parts[0].open, high, low, parts[-1].close, volume)


def rows(table: pd.DataFrame) -> list[tuple[float, ...]]:
    times = [int(time.timestamp() * 1000) for time in table.index]
    return [(time, *values) for time, values in zip(times, table.itertuples(index=False, name=None), strict=True)]


@given(
    frequency=st.sampled_from(sorted(MADE)),
    down=st.sets(st.integers(0, 59)),
    begin=st.integers(-8, 20),
    end=st.integers(20, 60),
    count=st.integers(1, 9),
)
def test_they_are_what_their_parts_are(frequency: str, down: set[int], begin: int, end: int, count: int) -> None:
    made = MADE[frequency]
    bars = [part(made.resolution, n) for n in range(begin, end) if n not in down]
    periods: dict[int, list[Bar]] = {}
    for one in bars:
        periods.setdefault((one.open_time - ms(MONDAY)) // FREQUENCIES[frequency], []).append(one)
    expected = [
        row(frequency, ms(MONDAY) + n * FREQUENCIES[frequency], parts)
        for n, parts in periods.items()
        if parts[-1] is not bars[-1] or parts[-1].close_time >= ms(MONDAY) + (n + 1) * FREQUENCIES[frequency]
    ]
    with Backtest(Source(bars)) as test:
        test.at(ms(MONDAY) + end * RESOLUTIONS[made.resolution])
        table = get_price("A", count, frequency=frequency)
    assert rows(table) == expected[-count:]
    assert table.attrs["frequency"] == frequency


def server_row(n: int, cents: Sequence[int], before: Ohlcv | None) -> Ohlcv:
    """The nth bar of a market of trades as a server has it: made of these, or a repeat of the last close."""
    begin, length = ms(MONDAY) + n * RESOLUTIONS["15m"], RESOLUTIONS["15m"]
    prices = [cent / 100 for cent in cents] or [100.0 if before is None else before.close]
    figures = (prices[0], max(prices), min(prices), prices[-1], len(cents) / 8, len(cents))
    return Ohlcv("15m", begin, *figures, 99.0, 101.0, 98.0, 100.0, n, n, begin + length)


def merged(rows: Sequence[Ohlcv]) -> dict[int, tuple[float, ...]]:
    """What the server's rule makes of each half hour, by its begin."""
    mergers: dict[int, Merger] = {}
    for one in rows:
        mergers.setdefault(one.open_ms - one.open_ms % FREQUENCIES["30m"], Merger("1h")).take(one)
    bars = {begin: merger.bar for begin, merger in mergers.items()}
    return {begin: (*bar.prices, bar.volume) for begin, bar in bars.items() if bar is not None}


TRADES = st.lists(st.integers(9990, 10010), max_size=2)


@given(first=st.integers(9990, 10010), traded=st.lists(st.none() | st.just([]) | TRADES, max_size=40))
def test_parts_without_a_trade_count_as_in_a_bar_of_the_server(first: int, traded: list[list[int] | None]) -> None:
    kept: list[Ohlcv] = []
    for n, cents in enumerate([[first], [], *traded]):
        if cents is not None:
            kept.append(server_row(n, cents, kept[-1] if kept else None))
    parts = [Bar("A", "15m", one.open_ms, one.close_ms, *one.prices, one.volume) for one in kept]
    made = bars_of_parts("30m", MADE["30m"], parts, len(parts) + 1)
    expected = merged(kept)
    assert [bar.open_time for bar in made] == [*expected][: len(made)]
    assert len(made) >= len(expected) - 1
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in made] == [*expected.values()][: len(made)]


def test_a_week_begins_on_monday_and_is_closed_when_sunday_is() -> None:
    bars = [part("1d", n) for n in range(-30, 30)]
    with Backtest(Source(bars)) as test:
        for day in range(14):
            test.at(MONDAY + timedelta(days=day))
            (closed,) = get_price("A", 1, frequency="1w").index
            assert closed == pd.Timestamp(MONDAY + timedelta(days=day - day % 7))


def test_half_an_hour_does_not_show_before_it_is_over() -> None:
    with Backtest(Source([part("15m", n) for n in range(4)])) as test:
        test.at(MONDAY + timedelta(minutes=45))
        assert [time for time, *_ in rows(get_price("A", frequency="30m"))] == [ms(MONDAY) + 1_800_000]
        assert len(get_price("A", frequency="30m", end_date=MONDAY + timedelta(minutes=29))) == 0
        test.at(MONDAY + timedelta(minutes=60))
        assert len(get_price("A", frequency="30m")) == 2


@pytest.mark.parametrize(("frequency", "resolution"), [("30m", "15m"), ("1w", "1d")])
def test_live_they_are_made_of_what_is_recorded(
    frequency: str, resolution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [part(resolution, n) for n in range(70)]

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["resolution"] == resolution
        until = int(request.url.params.get("to", kept[-1].close_time))
        found = [dict(one) for one in kept if one.open_time < until][-int(request.url.params["limit"]) :]
        return httpx.Response(200, content=json.dumps({"bars": found, "gaps": [{"from_t": 1, "to_t": 2}]}))

    history = BarHistory("http://a.example", httpx.Client(transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(prices, "_history", lambda: history)
    monkeypatch.setattr(prices._live, "_history", lambda: history)
    table = get_price("A", 3, frequency=frequency)
    parts = MADE[frequency].parts
    assert table["open"].tolist() == [kept[n].open for n in range(70 - 3 * parts, 70, parts)]
    assert table["close"].tolist() == [kept[n + parts - 1].close for n in range(70 - 3 * parts, 70, parts)]
    assert table.attrs["lost_ticks"] == [{"from_t": 1, "to_t": 2}]
