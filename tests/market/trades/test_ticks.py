"""Trades made ticks: intervals, silences, late trades, and each column of a tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest

from market.tick import Ints, Tick
from market.trades.ticks import MOST_WAITING, TradeTicks
from market.trades.trade import Taker, Trade, TradeError

#: A moment that is a whole number of every interval used here.
BEGIN = 1_700_000_000.0


class Ids:
    """Ids by first appearance, except that these names have had theirs for long."""

    def __init__(self, *known: str) -> None:
        self.known = {name: i for i, name in enumerate(known)}

    def __call__(self, names: Sequence[str], t: int) -> Ints:
        return np.array([self.known.setdefault(name, len(self.known)) for name in names], np.int64)


def trade(
    seconds: float,
    price: float = 100.0,
    size: float = 1.0,
    buyer: str = "ann",
    seller: str = "bob",
    taker: Taker | None = None,
) -> Trade:
    return Trade(BEGIN + seconds, float(price), float(size), buyer, seller, taker)


def made(trades: list[Trade], interval: float = 1.0, ids: Ids | None = None, **options: Any) -> list[Tick]:
    ticks = TradeTicks(interval, ids or Ids(), **options)
    for one in trades:
        ticks.add(one)
    return list(ticks.ticks_of_trades())


def column(ticks: list[Tick], name: str) -> list[Any]:
    return [getattr(tick, name) for tick in ticks]


# --- intervals


def test_each_interval_gives_a_tick_the_empty_ones_too() -> None:
    ticks = made([trade(0.0), trade(0.999999), trade(1.0), trade(3.5)])
    assert column(ticks, "t") == [0, 1, 2, 3]
    assert column(ticks, "ts") == [BEGIN, BEGIN + 1, BEGIN + 2, BEGIN + 3]
    assert [len(tick.match_a) for tick in ticks] == [2, 1, 0, 1]


def test_intervals_are_aligned_to_the_epoch_and_exact() -> None:
    ticks = made([trade(0.3), trade(0.7), trade(0.8)], 0.1)
    assert column(ticks, "ts") == [1700000000.3, 1700000000.4, 1700000000.5, 1700000000.6, 1700000000.7, 1700000000.8]
    assert made([trade(0.05)], 7.0)[0].ts == BEGIN // 7 * 7


@pytest.mark.parametrize(("second", "ts"), [(60, list(range(61))), (61, [0, 61]), (86_400 * 9, [0, 86_400 * 9])])
def test_a_silence_longer_than_it_may_be_is_skipped(second: float, ts: list[int]) -> None:
    ticks = made([trade(0), trade(second)], silence=60.0)
    assert column(ticks, "t") == list(range(len(ts)))
    assert column(ticks, "ts") == [BEGIN + at for at in ts]


def test_a_live_market_goes_on_through_a_short_silence_and_stops_in_a_long_one() -> None:
    ticks = TradeTicks(1.0, Ids(), silence=3.0)
    assert list(ticks.ticks_until(BEGIN)) == []
    ticks.add(trade(0.5))
    assert list(ticks.ticks_until(BEGIN + 0.999)) == []
    assert column(list(ticks.ticks_until(BEGIN + 1.0)), "ts") == [BEGIN]
    assert column(list(ticks.ticks_until(BEGIN + 50.0)), "ts") == [BEGIN + 1, BEGIN + 2, BEGIN + 3]
    ticks.add(trade(70.2))
    assert [(tick.t, tick.ts) for tick in ticks.ticks_until(BEGIN + 72.0)] == [(4, BEGIN + 70), (5, BEGIN + 71)]


def test_trades_of_an_open_interval_may_come_in_any_order() -> None:
    ticks = made([trade(2.5, 7.0), trade(0.9, 2.0), trade(0.1, 1.0), trade(2.2, 6.0), trade(0.9, 3.0)])
    assert [[] if t.match_prices is None else t.match_prices.tolist() for t in ticks] == [
        [1.0, 2.0, 3.0],
        [],
        [6.0, 7.0],
    ]


def test_a_later_trade_counts_to_the_tick_under_way_and_is_counted() -> None:
    ticks = TradeTicks(1.0, Ids())
    ticks.add(trade(0.5))
    assert len(list(ticks.ticks_until(BEGIN + 2))) == 2
    ticks.add(trade(2.5, 104.0))
    ticks.add(trade(0.7, 103.0))
    (tick,) = ticks.ticks_of_trades()
    assert tick.match_prices is not None
    assert (ticks.late, tick.t, tick.match_prices.tolist(), tick.mid) == (1, 2, [103.0, 104.0], 104.0)


def test_an_interval_is_whole_microseconds() -> None:
    for interval in (1 / 3, 1e-7, 0.0, math.nan, math.inf):
        with pytest.raises(TradeError, match="need a tick interval of whole microseconds"):
            TradeTicks(interval, Ids())


def test_no_more_trades_wait_than_memory_has_room_for() -> None:
    ticks, one = TradeTicks(1.0, Ids()), trade(0.5)
    for _ in range(MOST_WAITING):
        ticks.add(one)
    with pytest.raises(TradeError, match="more than 200,000 trades wait"):
        ticks.add(one)


# --- who did what


def test_agents_are_those_who_traded_by_ascending_id() -> None:
    (tick,) = made(
        [trade(0, buyer="new", seller="bob"), trade(0.1, buyer="ann", seller="new")], ids=Ids("ann", "x", "bob")
    )
    assert tick.names == ("ann", "bob", "new")
    assert tick.agent_ids.tolist() == [0, 2, 3]
    assert (tick.match_a.tolist(), tick.match_b.tolist(), tick.match_prob.tolist()) == ([2, 0], [1, 2], [1.0, 1.0])


def test_an_action_is_all_that_an_agent_traded() -> None:
    (tick,) = made([trade(0, 100, 1, "ann", "bob"), trade(0.1, 103, 2, "ann", "cid"), trade(0.2, 90, 2, "bob", "ann")])
    ann, bob, cid = tick.to_dict()["actions"]
    assert (ann["side"], ann["size"], ann["price"]) == ("buy", 5.0, (100 + 206 + 180) / 5)
    assert (bob["side"], bob["size"], bob["price"]) == ("buy", 3.0, (100 + 180) / 3)
    assert (cid["side"], cid["size"], cid["price"]) == ("sell", 2.0, 103.0)


@pytest.mark.parametrize(("last", "sides"), [("ann", ["buy", "sell"]), ("bob", ["sell", "buy"])])
def test_who_sold_what_it_bought_stands_on_the_side_of_its_last_trade(last: str, sides: list[str]) -> None:
    there = [trade(0.0, size=0.1), trade(0.1, size=0.2)]
    back = [trade(0.2, size=0.3, buyer="bob", seller="ann")]  # 0.1 + 0.2 is not quite 0.3 in binary
    if last == "ann":
        there, back = [one._replace(time=one.time + 0.5) for one in there], back
    (tick,) = made(there + back)
    by_name = dict(zip(tick.names or (), tick.to_dict()["actions"], strict=True))
    assert [by_name["ann"]["side"], by_name["bob"]["side"]] == sides


def test_the_mean_of_equal_prices_is_that_price() -> None:
    (tick,) = made([trade(0, 0.1, 0.7), trade(0.1, 0.1, 3.1), trade(0.2, 0.1, 1e-9)])
    assert tick.prices.tolist() == [0.1, 0.1]


def test_a_trade_with_itself_is_left_out_and_counted() -> None:
    ticks = TradeTicks(1.0, Ids())
    for one in (trade(0, 100), trade(0.5, 200, buyer="cid", seller="cid")):
        ticks.add(one)
    (tick,) = ticks.ticks_of_trades()
    assert (tick.names, tick.mid, len(tick.match_a), ticks.with_itself) == (("ann", "bob"), 100.0, 1, 1)


def test_experience_grows_with_the_trades_of_an_agent() -> None:
    ticks = made([trade(0), trade(0.5, buyer="ann", seller="cid"), trade(1, buyer="bob", seller="cid")])
    assert ticks[0].experience.tolist() == pytest.approx([1 - math.exp(-n / 100) for n in (2, 1, 1)], abs=1e-12)
    assert ticks[1].experience.tolist() == pytest.approx([1 - math.exp(-n / 100) for n in (2, 2)], abs=1e-12)
    assert made([trade(i / 10_000) for i in range(4000)])[0].experience.tolist() == [1.0, 1.0]


# --- the state


def test_the_mid_is_the_venues_or_the_last_price_and_holds_through_empty_ticks() -> None:
    ticks = TradeTicks(1.0, Ids())
    for one in (trade(0, 100), trade(0.5, 102), trade(2, 104), trade(4, 90)):
        ticks.add(one)
    seen = column(list(ticks.ticks_until(BEGIN + 3)), "mid")
    ticks.tell_mid(95.0)
    assert seen + column(list(ticks.ticks_of_trades()), "mid") == [102.0, 102.0, 104.0, 95.0, 95.0]


def test_prices_are_normalised_by_the_first_or_by_a_given_range() -> None:
    trades = [trade(0, 100), trade(1, 125), trade(2, 999), trade(3, 1)]
    assert column(made(trades), "price_norm") == [0.5, 0.75, 1.0, 0.0]
    assert column(made(trades, price_range=(75, 125)), "price_norm") == [0.5, 1.0, 1.0, 0.0]
    ticks = TradeTicks(1.0, Ids())
    assert ticks.price_range is None
    for one in (trade(1, 300), trade(0, 100)):
        ticks.add(one)
    next(ticks.ticks_of_trades())
    assert ticks.price_range == (50.0, 150.0)


def test_volatility_is_that_of_the_model() -> None:
    ticks = made([trade(0, 100), trade(1, 101), trade(2, 100), trade(3, 103)])
    changes = [0.01, -0.01, 0.03]
    assert column(ticks, "volatility")[:1] == [0.3]
    assert ticks[-1].volatility == pytest.approx(float(np.std(changes)) * math.sqrt(20), abs=1e-6)


def test_liquidity_is_the_share_of_the_last_twenty_ticks_with_a_trade() -> None:
    ticks = made([trade(0), trade(2), trade(30)])
    assert column(ticks, "liquidity")[:3] == [1.0, 0.5, 2 / 3]
    assert [ticks[i].liquidity for i in (19, 20, 22, 29, 30)] == [0.1, 0.05, 0.0, 0.0, 0.05]


def test_imbalance_is_of_takers_and_follows_the_price_where_they_are_unknown() -> None:
    known = [trade(0, size=3, taker="buy"), trade(0.5, size=1, taker="sell")]
    assert column(made([*known, trade(2)]), "imbalance") == [0.5, 0.0, -1.0]
    prices = (100, 101, 101, 99, 99, 100)  # unknown, up, as before, down, as before, up
    ticks = made([trade(second, price) for second, price in enumerate(prices)])
    assert column(ticks, "imbalance") == [0.0, 1.0, 1.0, -1.0, -1.0, 1.0]


# --- going on


def test_a_tick_is_one_that_can_be_read_back() -> None:
    for tick in made([trade(0, 100.5, 0.3, taker="buy"), trade(1.5, 101)]):
        assert Tick.from_json(tick.to_json()).to_json() == tick.to_json()


@pytest.mark.parametrize("damage", [{}, {"t": 0}])
def test_a_state_of_something_else_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        TradeTicks(1.0, Ids()).restore(orjson.loads(orjson.dumps(damage)))
