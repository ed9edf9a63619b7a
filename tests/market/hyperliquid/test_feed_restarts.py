"""What a feed makes of a process that ends, by a kill or in good order: another one goes on from its checkpoint."""

from __future__ import annotations

import orjson
import pytest

from tests.market.hyperliquid.simulated import START, Simulation, begun, resumed


def test_after_a_kill_it_goes_on_behind_what_is_recorded_and_takes_nothing_twice() -> None:
    market = begun()
    first = market.trade(0.25, tid=1, buyer="first")
    checkpoint = orjson.dumps(market.feed.to_dict())
    happened = [market.trade(at / 4 + 0.4, buyer=f"agent {at}") for at in range(40)]
    for trade in happened:
        market.listen_to(trade.time - START)
        market.tell(trade)
    given, recorded = len(market.ticks), len(market.ticks) - 2
    assert given >= 9
    after = resumed(market, checkpoint, recorded, given)
    after.pass_to(market.now + 2)
    after.connect(recent=[first, *happened])
    after.tell(*happened)
    after.listen_to(market.now + 4)
    tape = [*market.ticks[:recorded], *after.ticks]
    assert [tick.ts - START for tick in tape] == [float(k) for k in range(len(tape))]
    assert [tick.t for tick in tape] == [*range(recorded), *range(given, given + len(after.ticks))]
    market.ticks = tape
    assert market.buyers == {"first": 1, **{f"agent {at}": 1 for at in range(40)}}


def test_killed_before_a_checkpoint_that_knows_its_ticks_it_takes_nothing_from_before_the_market() -> None:
    market = Simulation(1.0)
    checkpoint = orjson.dumps(market.feed.to_dict())
    old = [market.trade(-at, buyer="old") for at in (9, 5, 2)]
    market.connect(recent=old)
    market.listen_to(0.25)
    new = market.trade(0.25, buyer="new")
    market.tell(new)
    market.listen_to(3.5)
    assert market.told == [(0, 0.0, 1), (1, 1.0, 0), (2, 2.0, 0)]
    after = resumed(market, checkpoint, 2, 3)
    missed = after.trade(2.5, buyer="missed")
    after.now = 5.5
    after.connect(recent=[missed, new, *old])
    after.listen_to(6.5)
    assert after.told == [(3, 2.0, 1), (4, 3.0, 0), (5, 4.0, 0), (6, 5.0, 0)]
    assert after.buyers == {"missed": 1}
    assert after.feed.ticks.late == 0


def test_experience_and_prices_go_on_as_if_nothing_had_happened() -> None:
    market, whole = begun(), begun()
    checkpoint = orjson.dumps(market.feed.to_dict())
    for one in (market, whole):
        for at in range(1, 12):
            one.listen_to(at * 0.5)
            one.tell(one.trade(at * 0.5, price=100 + at))
    after = resumed(market, checkpoint, len(market.ticks), len(market.ticks))
    after.connect(recent=[whole.trade(at * 0.5, tid=at + 1, price=100 + at) for at in range(12)])
    for one in (after, whole):
        one.tell(one.trade(5.6, tid=99, price=90.0))
        one.listen_to(8.5)
    expected = whole.ticks[len(market.ticks) :]
    assert [tick.to_json() for tick in after.ticks] == [tick.to_json() for tick in expected]


def unanswered() -> Simulation:
    """A process that goes on 37.5 s later; its connection has told no time, and no trades."""
    market = begun()
    market.listen_to(2.5)
    after = resumed(market, orjson.dumps(market.feed.to_dict()), 2, 2)
    after.now = 40.0
    after.connect_only()
    after.answer(None)
    return after


def test_without_an_answer_and_before_any_time_was_told_what_happened_meanwhile_is_unknown() -> None:
    after = unanswered()
    after.pass_to(42.3)
    after.tell(after.trade(42.3))
    after.listen_to(44.5)
    assert after.told == [(t, float(t), {42: 1}.get(t, 0)) for t in (2, 40, 41, 42, 43)]


def test_a_connection_that_told_no_time_leaves_the_outage_to_the_next() -> None:
    after = unanswered()
    after.lose()
    after.pass_to(42.0)
    after.connect(recent=None)
    after.listen_to(43.5)
    assert after.told == [(t, float(t), 0) for t in (2, 42)]


def test_a_checkpoint_of_other_intervals_cannot_be_used() -> None:
    market = begun()
    with pytest.raises(ValueError, match=r"intervals of 1 s, not 0\.5 s"):
        Simulation(0.5).feed.restore(orjson.loads(orjson.dumps(market.feed.to_dict())))
