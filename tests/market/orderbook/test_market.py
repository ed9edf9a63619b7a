"""The order book market: its ticks, what decides them, and that it continues from a checkpoint exactly."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import orjson
import pytest

from market.orderbook import checkpoint
from market.orderbook.checkpoint import OrderBookCheckpointError
from market.orderbook.market import OrderBookMarket
from market.orderbook.parameters import ParameterError, Parameters
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import SourceError
from market.tick import BUY, NONE, SELL, Tick

SMALL = Parameters(makers=3, fundamentalists=6, momentum=6, noise=6)


def ticks(market: OrderBookMarket, count: int) -> list[bytes]:
    return [market.step().to_json() for _ in range(count)]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    assert ticks(OrderBookMarket(7, SMALL), 200) == ticks(OrderBookMarket(7, SMALL), 200)
    assert ticks(OrderBookMarket(7, SMALL), 20) != ticks(OrderBookMarket(8, SMALL), 20)


@pytest.mark.parametrize("at", [0, 1, 137, 500])
def test_a_market_goes_on_from_its_checkpoint_byte_for_byte(at: int) -> None:
    market = OrderBookMarket(7, SMALL)
    ticks(market, at)
    saved = checkpoint.to_bytes(market)
    restored = checkpoint.from_bytes(saved)
    assert checkpoint.to_bytes(restored) == saved
    assert ticks(restored, 300) == ticks(market, 300)
    assert checkpoint.to_bytes(restored) == checkpoint.to_bytes(market)


def test_each_tick_has_every_agent_by_name_and_can_be_read_back() -> None:
    market = OrderBookMarket(1)
    for line in ticks(market, 50):
        tick = Tick.from_json(line)
        assert tick.agent_ids.tolist() == list(range(100))
        assert tick.to_json() == line
    assert tick.names is not None
    assert (tick.names[0], tick.names[9], tick.names[10], tick.names[99]) == (
        "maker-1",
        "maker-10",
        "fundamentalist-1",
        "noise-30",
    )
    assert tick.volatility > 0
    assert 0 < tick.liquidity < 1
    assert -1 < tick.imbalance < 1
    low, high = market.parameters.price_range
    assert low + (high - low) * tick.price_norm == pytest.approx(tick.mid, abs=1e-4)


def test_matches_are_trades_of_a_buyer_with_a_seller_and_actions_show_their_whole() -> None:
    market, traded = OrderBookMarket(1, SMALL), 0
    for _ in range(400):
        tick = market.step()
        assert tick.match_sizes is not None
        assert tick.match_prices is not None
        assert (tick.match_a != tick.match_b).all()
        assert (tick.match_prob == 1.0).all()
        lots = np.bincount(tick.match_a, tick.match_sizes, 21) - np.bincount(tick.match_b, tick.match_sizes, 21)
        volume = np.bincount(tick.match_a, tick.match_sizes, 21) + np.bincount(tick.match_b, tick.match_sizes, 21)
        assert (tick.sides[lots > 0] == BUY).all()
        assert (tick.sides[lots < 0] == SELL).all()
        assert (tick.sizes[volume > 0] == volume[volume > 0]).all()
        assert (tick.sizes[tick.sides == NONE] == 0).all()
        traded += len(tick.match_a)
    assert traded > 50


def test_the_price_stays_in_its_range_whatever_the_options() -> None:
    wild = Parameters(
        value_volatility=0.01,
        news=0.5,
        news_size=0.01,
        impact=0.001,
        disagreement=0.001,
        spread=0.1,
        largest_order=1000,
    )
    market = OrderBookMarket(3, wild)
    for _ in range(300):
        tick = market.step()
        assert 0.0 <= tick.price_norm <= 1.0
        assert (tick.prices > 0).all()


@pytest.mark.parametrize("lacking", ["makers", "fundamentalists", "momentum", "noise"])
def test_each_kind_can_be_left_out(lacking: str) -> None:
    counts: dict[str, Any] = dict.fromkeys(("makers", "fundamentalists", "momentum", "noise"), 5) | {lacking: 0}
    market = OrderBookMarket(3, Parameters(**counts))
    assert sum(len(market.step().match_a) for _ in range(300)) > 0
    assert ticks(checkpoint.from_bytes(checkpoint.to_bytes(market)), 5) == ticks(market, 5)


def test_a_single_agent_has_nobody_to_trade_with() -> None:
    market = OrderBookMarket(3, Parameters(makers=1, fundamentalists=0, momentum=0, noise=0))
    assert all(not len(market.step().match_a) for _ in range(50))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"makers": -1}, "makers must be from 0 to 10000, got -1"),
        ({"spread": float("nan")}, "spread must be from 0 to 0.1, got nan"),
        ({"grid": 0.015}, "grid must be a multiple of 0.01, got 0.015"),
        ({"shortest_trend": 5000}, "shortest_trend must not be more than longest_trend, got 5000"),
        (
            dict.fromkeys(("makers", "fundamentalists", "momentum", "noise"), 0),
            "makers, fundamentalists, momentum and noise must not all be 0",
        ),
    ],
)
def test_parameters_out_of_bounds_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError) as refused:
        Parameters(**changes)
    assert str(refused.value) == reason


def test_a_setting_names_the_options() -> None:
    source = source_from("orderbook?makers=2&noise=7&price=100&band=0.5&grid=0.01", SourceSettings(5))
    assert (source.name, source.replayable, source.price_range) == ("orderbook", True, (50.0, 150.0))
    market = OrderBookMarket(5, Parameters(makers=2, noise=7, price=100, band=0.5, grid=0.01))
    first = [tick.to_json() for tick in islice(source, 30)]
    assert first == ticks(market, 30)
    other = source_from("orderbook", SourceSettings(6))
    other.restore(source.checkpoint())
    assert [tick.to_json() for tick in islice(other, 30)] == ticks(market, 30)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("orderbook?makers=many", "orderbook: option makers must be an integer, got 'many'"),
        ("orderbook?spread=wide", "orderbook: option spread must be a number, got 'wide'"),
        ("orderbook?makers=20000", "orderbook: option makers must be from 0 to 10000, got 20000"),
    ],
)
def test_an_option_that_cannot_be_is_named(setting: str, reason: str) -> None:
    with pytest.raises(SourceError) as refused:
        source_from(setting, SourceSettings())
    assert str(refused.value) == reason


def test_an_unknown_option_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(SourceError, match="orderbook: there is no option 'mkers', only makers, fundamentalists, "):
        source_from("orderbook?mkers=3", SourceSettings())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "its format is not 'market-orderbook-checkpoint'"),
        (b'{"format": "market-orderbook-checkpoint", "version": 9}', "it is of version 9, understood is 1"),
        (b'{"format": "market-orderbook-checkpoint", "version": 1}', "it lacks 'seed'"),
    ],
)
def test_bytes_that_are_no_checkpoint_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(OrderBookCheckpointError, match=f"not an order book's checkpoint: {reason}"):
        checkpoint.from_bytes(data)


def test_a_checkpoint_of_other_options_is_refused() -> None:
    saved = orjson.loads(checkpoint.to_bytes(OrderBookMarket(1, SMALL)))
    saved["parameters"]["wealth"] = 1
    with pytest.raises(OrderBookCheckpointError, match="wealth"):
        checkpoint.from_bytes(orjson.dumps(saved))
