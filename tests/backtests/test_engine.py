"""The engine: fills at the next open, fees, no look into the future, equal results for equal bars."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.bar import Bar
from backtests.engine.context import Context
from backtests.engine.engine import MOST_REFUSALS, MOST_TRADES, play
from backtests.errors import StrategyFailed
from backtests.strategies import MaCross
from bars.making.ohlcv import Ohlcv
from tests.backtests.series import START, SYMBOL, bar, flat, terms, wandering
from tests.examples import at_most


class Scripted:
    """Calls what the test gives, bar by bar."""

    def __init__(self, on_bar: Callable[[Context, Bar, int], None]) -> None:
        self._on_bar, self._bar = on_bar, -1

    def initialize(self, context: Context) -> None:
        pass

    def handle_bar(self, context: Context, bar: Bar) -> None:
        self._bar += 1
        self._on_bar(context, bar, self._bar)


def played(on_bar: Callable[[Context, Bar, int], None], bars: list[Ohlcv], **changes: Any) -> dict[str, Any]:
    return play(lambda: Scripted(on_bar), terms(**changes), bars)


def buys_at(number: int, size: float | None = None) -> Callable[[Context, Bar, int], None]:
    return lambda context, bar, at: context.order_buy(SYMBOL, size) if at == number else None


def test_an_order_is_filled_at_the_open_of_the_next_bar() -> None:
    result = played(buys_at(1, 2), [bar(0, 10, 11), bar(1, 12, 13), bar(2, 14, 15), bar(3, 16, 17)], cash=100)
    assert result["trades"] == [
        {
            "time": bar(2, 14).open_ms,
            "side": "buy",
            "price": 14,
            "size": 2.0,
            "fee": 0.0,
            "cash": 72.0,
            "position": 2.0,
        }
    ]
    assert [value for _, value in result["equity"]] == [100, 100, 100, 102, 106]
    assert result["return"] == 0.06


def test_after_a_gap_an_order_is_filled_at_the_open_of_the_bar_behind_it() -> None:
    result = played(buys_at(0, 1), [bar(0, 10), bar(9, 20)], cash=100)
    assert [(trade["time"], trade["price"]) for trade in result["trades"]] == [(bar(9, 20).open_ms, 20)]


def test_a_fee_is_paid_on_both_sides() -> None:
    def once(context: Context, bar: Bar, at: int) -> None:
        if at == 0:
            context.order_buy(SYMBOL, 1)
        if at == 1:
            context.order_sell(SYMBOL)

    result = played(once, flat([100, 100, 200, 200]), cash=1000, fee=0.01)
    assert [trade["fee"] for trade in result["trades"]] == [1, 2]
    assert result["fees"] == 3
    assert result["equity"][-1][1] == 1000 - 100 - 1 + 200 - 2


def test_all_cash_buys_as_much_as_price_and_fee_of_the_fill_allow() -> None:
    result = played(buys_at(0), flat([100, 160]), cash=1000, fee=0.25)
    assert result["trades"][0]["size"] == 5
    assert result["trades"][0]["cash"] == 0
    assert result["equity"][-1][1] == 800


def test_an_order_beyond_cash_or_holding_is_refused_with_the_reason() -> None:
    def greedy(context: Context, bar: Bar, at: int) -> None:
        if at == 0:
            context.order_sell(SYMBOL)
            context.order_buy(SYMBOL, 11)
            context.order_buy(SYMBOL, 4)
            context.order_sell(SYMBOL, 5)

    result = played(greedy, flat([100, 100]), cash=1000)
    assert [refused["reason"] for refused in result["refused"]] == [
        "nothing is held",
        "it costs 1100.00, and 1000.00 is there",
        "4 is held",
    ]
    assert [trade["size"] for trade in result["trades"]] == [4]
    assert (result["trades_count"], result["refused_count"]) == (1, 3)


def test_what_is_ordered_at_the_last_bar_is_told_as_refused() -> None:
    result = played(buys_at(1, 1), flat([100, 100]), cash=1000)
    assert result["trades"] == []
    assert [refused["reason"] for refused in result["refused"]] == ["no bar follows"]


def test_what_is_ordered_before_the_first_bar_is_filled_at_its_open() -> None:
    class Early(Scripted):
        def initialize(self, context: Context) -> None:
            assert context.history(SYMBOL, 10, "1m") == []
            context.order_buy(SYMBOL, 1)

    result = play(lambda: Early(lambda *_: None), terms(cash=1000), flat([100, 110]))
    assert result["trades"][0]["time"] == START
    assert result["equity"] == [[START, 1000], [START + 60_000, 1000], [START + 120_000, 1010]]


def everything_seen(bars: list[Ohlcv]) -> list[Any]:
    """All that a strategy gets to see, bar by bar, while it trades by what it sees."""
    seen: list[Any] = []

    def look(context: Context, bar: Bar, at: int) -> None:
        histories = [context.history(SYMBOL, 50, name) for name in ("1m", "5m", "15m", "1h")]
        seen.append((bar, histories, context.cash, context.position))
        if bar.close > bar.open:
            context.order_buy(SYMBOL, 0.1)
        else:
            context.order_sell(SYMBOL)

    played(look, bars)
    return seen


@given(now=st.integers(0, 118), seed=st.integers(0, 5))
@settings(max_examples=at_most(25))
def test_nothing_a_strategy_sees_depends_on_later_bars(now: int, seed: int) -> None:
    bars = wandering(120, missing=frozenset({7, 8, 9, 31, 32, 33, 34, 35, 77}))
    now = min(now, len(bars) - 2)
    future = [bar._replace(open=1 + seed, high=1e6, low=0.5, close=7.0, volume=99.0) for bar in bars[now + 1 :]]
    altered = everything_seen(bars[: now + 1] + future)
    shifted = everything_seen(
        bars[: now + 1] + [bar._replace(open_ms=bar.open_ms + 3_600_000) for bar in bars[now + 1 :]]
    )
    cut = everything_seen(bars[: now + 1])
    truth = everything_seen(bars)
    assert cut == truth[: now + 1] == altered[: now + 1] == shifted[: now + 1]
    assert altered[now + 1 :] != truth[now + 1 :]


def test_a_bar_at_hand_moves_no_fill_of_its_own() -> None:
    """A strategy that buys whenever the bar at hand rose wins nothing from knowing its close."""
    bars = [bar(minute, 100, 110) for minute in range(50)]  # each rises, and the next opens where this one did

    def chase(context: Context, bar: Bar, at: int) -> None:
        if context.position:
            context.order_sell(SYMBOL)
        else:
            context.order_buy(SYMBOL, 1)

    result = played(chase, bars, cash=1000)
    assert result["trades_count"] == 49
    assert {trade["price"] for trade in result["trades"]} == {100}


def test_equal_bars_give_equal_bytes() -> None:
    def run(fast: int) -> str:
        chosen = replace(terms(strategy="ma_cross"), params={"fast": fast, "slow": 12}, fee=0.0005)
        return json.dumps(play(MaCross, chosen, wandering(2000)))

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_an_error_of_the_strategy_tells_its_bar() -> None:
    def fails(context: Context, bar: Bar, at: int) -> None:
        if at == 2:
            raise ZeroDivisionError("no luck")

    with pytest.raises(StrategyFailed) as failed:
        played(fails, flat([1, 2, 3]))
    assert str(failed.value) == "made failed at the bar of 2026-01-05T00:02:00Z: ZeroDivisionError: no luck"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda c: c.order_buy(SYMBOL, float("nan")), "BadOrder: the size of an order must be a finite number above 0"),
        (lambda c: c.order_buy(SYMBOL, -1), "a finite number above 0, got -1"),
        (lambda c: c.order_sell(SYMBOL, 0), "a finite number above 0, got 0"),
        (lambda c: c.order_buy(SYMBOL, True), "must be a number, got True"),
        (lambda c: c.order_buy(SYMBOL, "2"), "must be a number, got '2'"),
        (lambda c: c.order_buy("OTHER", 1), "only 'IG-USD' is traded in this backtest, got 'OTHER'"),
        (lambda c: c.history("OTHER", 1, "1m"), "there is only 'IG-USD' in this backtest, got 'OTHER'"),
        (lambda c: c.history(SYMBOL, 0, "1m"), "count must be an integer from 1 to 5000, got 0"),
        (lambda c: c.history(SYMBOL, 1, "1s"), "frequency must be one of 1m, 5m, 15m, 1h, 4h, 1d here, got '1s'"),
        (lambda c: c.history(SYMBOL, 1, None), "got None"),
        (lambda c: c.params.update(a=1), "AttributeError"),
        (lambda c: exit(3), "SystemExit: 3"),
    ],
)
def test_what_makes_no_sense_fails_the_backtest_with_a_sentence(act: Callable[[Context], Any], said: str) -> None:
    with pytest.raises(StrategyFailed) as failed:
        played(lambda context, bar, at: act(context), flat([1, 2, 3]))
    assert said in str(failed.value)


def test_an_error_before_the_first_bar_is_told_as_that() -> None:
    def broken() -> Scripted:
        raise KeyError("fast")

    with pytest.raises(StrategyFailed, match="made failed before the first bar: KeyError: 'fast'"):
        play(broken, terms(), flat([1]))


def test_a_result_stays_small_however_many_bars_and_orders() -> None:
    def busy(context: Context, bar: Bar, at: int) -> None:
        context.order_buy(SYMBOL, 0.001)
        context.order_sell(SYMBOL, 1e6)

    bars = flat([100 + minute % 7 for minute in range(5000)])
    result = played(busy, bars, cash=1e6)
    assert len(result["trades"]) == MOST_TRADES
    assert result["trades"][-1]["time"] == bars[-1].open_ms
    assert len(result["refused"]) == MOST_REFUSALS
    assert result["trades_count"] == 4999
    assert result["refused_count"] == 4999 + 2
    assert len(result["equity"]) <= 1001
    assert result["equity"][0][0] == START
    assert result["equity"][-1][0] == bars[-1].close_ms


def test_no_bars_at_all_change_nothing() -> None:
    result = played(buys_at(0), [])
    assert (result["return"], result["sharpe"], result["exposure"], result["equity"]) == (0, 0, 0, [])
