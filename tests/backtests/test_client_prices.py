"""A strategy that asks the Python client for prices: in a backtest it is given what was recorded by then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from backtests.models import Backtest
from backtests.running import run_backtest, watch
from bars.making.ohlcv import Merger, Ohlcv
from runtime import db_threads as database_rows
from tests.backtests.series import MINUTE, START, SYMBOL, seconds

Made = Callable[..., Backtest]
SECONDS = seconds(600)


def closed_by(ms: int, resolution: str, count: int) -> list[tuple[float, ...]]:
    """The last bars that had closed by a time, by the definition."""
    periods: dict[int, Merger] = {}
    for second in SECONDS:
        length = {"1s": 1000, "1m": MINUTE, "5m": 5 * MINUTE}[resolution]
        periods.setdefault(second.open_ms // length, Merger(resolution)).take(second)
    bars = [bar for merger in periods.values() if (bar := merger.bar) is not None and bar.close_ms <= ms]
    return [figures(bar) for bar in bars[-count:]]


def figures(bar: Ohlcv) -> tuple[float, ...]:
    return (bar.close_ms, bar.open, bar.high, bar.low, bar.close, bar.volume)


def rows(table: Any) -> list[tuple[float, ...]]:
    times = [int(time.timestamp() * 1000) for time in table.index]
    return [(time, *values) for time, values in zip(times, table.itertuples(index=False, name=None), strict=True)]


class Asks:
    """Asks as a strategy written for live prices does, at each bar and before the first."""

    seen: list[tuple[int, str, list[tuple[float, ...]]]] = []

    def initialize(self, context: Any) -> None:
        self.seen.clear()
        self._ask(0)

    def handle_bar(self, context: Any, bar: Any) -> None:
        self._ask(bar.close_time)

    def _ask(self, now: int) -> None:
        from wealthdata import get_price

        for resolution in ("1s", "1m", "5m"):
            self.seen.append((now, resolution, rows(get_price(SYMBOL, 7, frequency=resolution))))
        self.seen.append((now, "1m", rows(get_price(SYMBOL, 7, "2030-01-01", "1m"))))


@pytest.mark.parametrize(("resolution", "begin"), [("1m", 0), ("5m", 0), ("1m", 4 * MINUTE)])
def test_it_sees_what_was_recorded_by_the_bar_at_hand(
    made: Made, monkeypatch: pytest.MonkeyPatch, resolution: str, begin: int
) -> None:
    monkeypatch.setattr(run_backtest, "strategies_in", lambda _: {"asks": Asks})
    backtest = made(strategy="asks", resolution=resolution, from_ms=START + begin)
    run_backtest.run(backtest.backtest_id, lambda _: None)
    backtest.refresh_from_db()
    assert (backtest.status, backtest.error) == ("done", None)
    assert len(Asks.seen) == 4 * (1 + (600 - begin // 1000) * 1000 // {"1m": MINUTE, "5m": 5 * MINUTE}[resolution])
    before, behind = Asks.seen[:4], Asks.seen[4:]
    assert all(found == closed_by(START + begin, each, 7) for _, each, found in before)
    for now, each, found in behind:
        assert found == closed_by(now, each, 7)


def test_other_markets_have_no_bars_of_this_one(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from marketcamera import get_price

    monkeypatch.setattr(Asks, "handle_bar", lambda *_: Asks.seen.append((0, "", rows(get_price("OTHER", 7)))))
    monkeypatch.setattr(run_backtest, "strategies_in", lambda _: {"asks": Asks})
    run_backtest.run(made(strategy="asks").backtest_id, lambda _: None)
    assert [found for _, _, found in Asks.seen[4:]] == [[]] * 10


def test_afterwards_prices_are_live_again(made: Made) -> None:
    from marketcamera.backtest import current_backtest

    run_backtest.run(made(strategy="gone").backtest_id, lambda _: None)
    run_backtest.run(made().backtest_id, lambda _: None)
    assert current_backtest() is None


def test_without_the_client_a_backtest_runs_all_the_same(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "marketcamera", None)
    backtest = made()
    run_backtest.run(backtest.backtest_id, lambda _: None)
    backtest.refresh_from_db()
    assert backtest.status == "done"


def test_a_database_that_goes_away_is_not_the_strategy_s_fault(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from backtests.engine import client_prices

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection to postgres at 10.0.0.7 failed")

    monkeypatch.setattr(client_prices, "last_bars", away)
    monkeypatch.setattr(run_backtest, "strategies_in", lambda _: {"asks": Asks})
    minutes = count(step=60)
    monkeypatch.setattr(database_rows, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    monkeypatch.setattr(watch.Watch, "pause", lambda *_: False)
    backtest = made(strategy="asks")
    run_backtest.run(backtest.backtest_id, lambda _: None)
    backtest.refresh_from_db()
    reason = "the database was unavailable for 900 s while it ran"
    assert (backtest.status, backtest.error) == ("failed", reason), "which does not name the database's host"
