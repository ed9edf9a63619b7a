"""What a feed makes of a line that breaks: every trade once, and what nobody knows as a jump in t."""

from __future__ import annotations

import logging

import orjson
import pytest

from tests.market.hyperliquid.simulated import START, Simulation, begun, resumed


def test_every_interval_gives_a_tick_soon_after_its_end() -> None:
    market = begun()
    market.listen_to(1.5)
    market.tell(market.trade(1.5, buyer="second"))
    market.listen_to(4.5)
    assert market.told == [(0, 0.0, 1), (1, 1.0, 1), (2, 2.0, 0), (3, 3.0, 0)]
    waits = [left - (ts + 1.0) for left, (_, ts, _) in zip(market.left, market.told, strict=True)]
    assert all(0.0999 <= wait <= 0.25 for wait in waits)


def test_a_market_begins_behind_the_trades_of_its_first_connection() -> None:
    market = Simulation(1.0)
    old = [market.trade(-at, buyer="old") for at in (9, 5, 2)]
    market.connect(recent=old, replay=old[1:])
    market.listen_to(0.5)
    market.tell(market.trade(0.5, buyer="new"), *old)
    market.tell(market.trade(-7, buyer="old"))
    market.listen_to(2)
    assert market.buyers == {"new": 1}


def test_what_comes_after_a_beginning_without_an_answer_began_before_it() -> None:
    market = Simulation(1.0)
    market.listen_to(0.5)
    market.connect(recent=None)
    market.lose()
    market.connect(recent=[market.trade(-3.0, buyer="old")])
    market.listen_to(0.8)
    market.tell(market.trade(0.8, buyer="new"))
    market.listen_to(2.0)
    assert market.buyers == {"new": 1}


def test_a_late_trade_counts_to_the_tick_under_way_and_is_counted() -> None:
    market = begun()
    market.listen_to(1.3)
    market.tell(market.trade(0.9, buyer="late"), market.trade(1.2, buyer="in time"))
    market.listen_to(2.5)
    assert market.told == [(0, 0.0, 1), (1, 1.0, 2)]
    assert market.feed.ticks.late == 1


def test_trades_in_disorder_stand_in_order_within_a_tick() -> None:
    market = begun()
    market.tell(*(market.trade(at, price=100 + at) for at in (0.8, 0.4, 0.6)))
    market.listen_to(1.5)
    prices = market.ticks[0].match_prices
    assert prices is not None
    assert prices.tolist() == [100.0, 100.4, 100.6, 100.8]


def test_a_silent_line_says_nothing_of_the_market_until_it_is_heard_again() -> None:
    market = begun()
    market.listen_to(0.9)
    market.pass_to(5.0)
    assert market.ticks == []
    assert market.feed.wants_word(5.0 + START - 5000)
    market.pong()
    assert [ts for _, ts, _ in market.told] == [0.0, 1.0, 2.0, 3.0]
    assert market.feed.is_live
    market.lose()
    assert not market.feed.is_live


def test_what_was_on_its_way_for_long_tells_of_its_own_time_alone() -> None:
    market = begun()
    market.listen_to(2.5)
    delayed = [market.trade(at, buyer="delayed") for at in (2.6, 2.7)]
    market.pass_to(4.4)
    market.tell(*delayed)
    market.pong(asked_at=2.8)
    market.lose()
    market.pass_to(6.5)
    market.connect(recent=[market.trade(6.4)])
    market.listen_to(7.5)
    assert market.told == [(0, 0.0, 1), (1, 1.0, 0), (2, 2.0, 2), (6, 6.0, 1)], "nobody knows of 3.0 to 6.0"


def test_an_hour_of_silence_is_a_jump_of_ts_and_none_of_t() -> None:
    market = begun(0.1)
    market.listen_to(3600.0, every=1.0)
    market.tell(market.trade(3600.0, buyer="at last"))
    market.listen_to(3600.5)
    ts = [at for _, at, _ in market.told]
    assert [t for t, _, _ in market.told] == list(range(len(ts)))
    assert ts[600] == pytest.approx(60.2)
    assert ts[601] == pytest.approx(3600.0)
    assert market.buyers == {"first": 1, "at last": 1}


@pytest.mark.parametrize("of_process", [False, True], ids=["a line breaks", "a process ends"])
def test_an_outage_that_the_newest_trades_reach_across_costs_nothing(of_process: bool) -> None:
    market = begun()
    first = market.trade(0.25, tid=1)
    market.listen_to(2.5)
    before = market.told
    if of_process:
        market = resumed(market, orjson.dumps(market.feed.to_dict()), len(before), len(before))
    else:
        market.lose()
    market.pass_to(7.5)
    missed = [market.trade(at, buyer="missed", price=200.0) for at in (2.6, 2.7, 5.5)]
    market.connect(recent=[first, *missed[:2]], replay=[*missed[1:]])
    market.listen_to(9.5)
    assert before + market.told[-7:] == [(t, float(t), {0: 1, 2: 2, 5: 1}.get(t, 0)) for t in range(9)]
    mids = {tick.t: tick.mid for tick in market.ticks}
    assert (mids[3], mids[5]) == (200.0, 200.0), "the top of the book told nothing of that time"
    assert mids[8] == 100.0


def test_what_the_newest_trades_do_not_reach_is_a_jump_in_t(caplog: pytest.LogCaptureFixture) -> None:
    market = begun()
    market.listen_to(2.5)
    market.lose()
    market.pass_to(9.5)
    market.connect(recent=[market.trade(6.5, buyer="reached"), market.trade(9.3, buyer="reached")])
    market.listen_to(11.5)
    known = [0, 1, 2, 6, 7, 8, 9, 10]
    assert market.told == [(t, float(t), {0: 1, 6: 1, 9: 1}.get(t, 0)) for t in known]
    assert "4.0 s" in caplog.text


def test_without_an_answer_what_happened_meanwhile_is_unknown() -> None:
    market = begun()
    market.listen_to(2.5)
    market.lose()
    market.pass_to(9.5)
    market.connect(recent=None)
    market.listen_to(12.5)
    assert [t for t, _, _ in market.told] == [0, 1, 2, 9, 10, 11]


def test_a_connection_that_breaks_before_the_answer_tells_nothing_of_the_outage() -> None:
    market = begun()
    market.listen_to(1.5)
    market.lose()
    market.pass_to(3.5)
    lost = market.trade(3.5, buyer="heard twice")
    market.connect_only()
    market.tell(lost)
    market.lose()
    market.answer([])
    assert [t for t, _, _ in market.told] == [0]
    market.pass_to(5.5)
    market.connect(recent=[lost])
    market.listen_to(7.5)
    assert market.told == [(t, float(t), {0: 1, 3: 1}.get(t, 0)) for t in (0, 1, 3, 4, 5, 6)]


def test_a_message_from_the_future_closes_no_interval(caplog: pytest.LogCaptureFixture) -> None:
    market = begun()
    with caplog.at_level(logging.WARNING):
        market.tell(market.trade(1e6), market.trade(1e7))
        market.listen_to(2.5)
    assert market.told == [(0, 0.0, 1), (1, 1.0, 0)]
    assert market.feed.from_the_future == 2
    assert len(caplog.records) == 1


def test_the_venues_clock_counts_and_not_this_hosts() -> None:
    """Messages take 3 s here, and come in disorder; a tick waits for its interval's end as the fastest tell it."""
    market = Simulation(1.0)
    market.connect_only()
    market.answer([])
    for at in range(100):
        market.pass_to(3.0 + at * 0.1)
        market.tell(market.trade(at * 0.1 - 0.05 * (at % 2)))
    assert market.feed.ticks.late == 0
    assert sum(trades for _, _, trades in market.told) >= 80


def test_a_new_run_has_the_price_range_of_its_first_price() -> None:
    market = begun()
    market.listen_to(2.5)
    assert market.feed.ticks.price_range == (50.0, 150.0)
    market.feed.ticks.tell_mid(400.0)
    market.listen_to(2.9)
    market.top(400.0)
    market.listen_to(3.0)
    market.top(400.0)
    market.pass_to(3.5)
    market.top(400.0)
    market.feed.ticks.begin_run(None)
    assert market.feed.ticks.price_range == (200.0, 600.0)
    market.feed.ticks.begin_run((0.0, 800.0))
    market.listen_to(4.5)
    assert market.feed.ticks.price_range == (0.0, 800.0)
