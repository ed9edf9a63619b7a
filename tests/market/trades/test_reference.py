"""Ticks of trades, held against a reference that follows the rules word by word, whatever the trades."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.tick import SIDES, Tick
from market.trades.ticks import TradeTicks
from market.trades.trade import Trade
from tests.market.trades.test_ticks import BEGIN, Ids

#: Times in ms, with silences among them. Amounts are exact in binary, so that the reference can be exact too.
TIMES = st.integers(0, 3000) | st.integers(0, 40_000)
AMOUNTS = st.integers(1, 64).map(lambda n: n / 8)
NAMES = st.sampled_from("abcdef")
TAKERS = st.sampled_from(["buy", "sell", None])
TRADE = st.builds(Trade, TIMES.map(lambda ms: BEGIN + ms / 1000), AMOUNTS, AMOUNTS, NAMES, NAMES, TAKERS)
TRADES = st.lists(TRADE, min_size=1, max_size=25).map(lambda trades: sorted(trades, key=lambda trade: trade.time))
INTERVALS = st.sampled_from(["0.1", "0.25", "1", "7"])
SILENCE = Fraction(5)


class Reference:
    """Exact fractions, and lists of everything that ever was."""

    def __init__(self, interval: str) -> None:
        self.interval = Fraction(interval)
        self.mids: list[Fraction] = []
        self.traded: list[bool] = []
        self.count: dict[str, int] = {}
        self.ids: dict[str, int] = {}
        self.price: Fraction | None = None
        self.side = 0

    def ticks(self, trades: list[Trade]) -> list[dict[str, Any]]:
        by_interval: dict[int, list[Trade]] = {}
        for trade in trades:
            if trade.buyer != trade.seller:
                k = math.floor(Fraction(round(trade.time * 1000), 1000) / self.interval)
                by_interval.setdefault(k, []).append(trade)
        ks: list[int] = []
        for k in sorted(by_interval):
            if ks and (k - ks[-1]) * self.interval <= SILENCE:
                ks += range(ks[-1] + 1, k)
            ks.append(k)
        return [self.tick(k, by_interval.get(k, [])) for k in ks]

    def tick(self, k: int, trades: list[Trade]) -> dict[str, Any]:
        taken = Fraction(0)
        for trade in trades:
            price = Fraction(trade.price)
            if trade.taker is not None:
                self.side = 1 if trade.taker == "buy" else -1
            elif self.price is not None and price != self.price:
                self.side = 1 if price > self.price else -1
            taken += self.side * Fraction(trade.size)
            self.price = price
            for name in (trade.buyer, trade.seller):
                self.ids.setdefault(name, len(self.ids))
                self.count[name] = self.count.get(name, 0) + 1
        assert self.price is not None
        self.mids.append(self.price)
        self.traded.append(bool(trades))
        names = sorted({name for trade in trades for name in (trade.buyer, trade.seller)}, key=self.ids.__getitem__)
        volume = sum(Fraction(trade.size) for trade in trades)
        first = Fraction(self.first_price(trades))
        norms = [min(max((mid - first / 2) / first, Fraction(0)), Fraction(1)) for mid in self.mids]
        recent = self.traded[-20:]
        return {
            "ts": float(k * self.interval),
            "mid": float(self.price),
            "price_norm": float(norms[-1]),
            "volatility": self.volatility(norms[-20:]),
            "liquidity": float(Fraction(sum(recent), len(recent))),
            "imbalance": float(taken / volume) if trades else 0.0,
            "names": names,
            "ids": [self.ids[name] for name in names],
            "experience": [1 - math.exp(-self.count[name] / 100) for name in names],
            "actions": [self.action(name, trades) for name in names],
            "matches": [(names.index(x.buyer), names.index(x.seller), 1.0, x.price, x.size) for x in trades],
        }

    def first_price(self, trades: list[Trade]) -> Fraction:
        if len(self.mids) == 1:
            self.first = Fraction(trades[0].price)
        return self.first

    def action(self, name: str, trades: list[Trade]) -> tuple[str, float, float]:
        own = [(1 if x.buyer == name else -1, Fraction(x.size), x.price) for x in trades if name in (x.buyer, x.seller)]
        net, volume = sum(sign * size for sign, size, _ in own), sum(size for _, size, _ in own)
        side = own[-1][0] if net == 0 else 1 if net > 0 else -1
        price = sum(size * Fraction(price) for _, size, price in own) / volume
        return "buy" if side > 0 else "sell", float(price), float(volume)

    def volatility(self, norms: list[Fraction]) -> float:
        if len(norms) < 2:
            return 0.3
        changes = [b - a for a, b in pairwise(norms)]
        mean = sum(changes) / len(changes)
        variance = sum((change - mean) ** 2 for change in changes) / len(changes)
        return min(math.sqrt(variance) * math.sqrt(20), 1.0)


def told(tick: Tick) -> dict[str, Any]:
    """A tick in the reference's form."""
    prices, sizes = tick.match_prices, tick.match_sizes
    columns = [] if prices is None or sizes is None else [prices.tolist(), sizes.tolist()]
    return {
        "ts": tick.ts,
        "mid": tick.mid,
        **tick.state(),
        "names": list(tick.names or ()),
        "ids": tick.agent_ids.tolist(),
        "experience": tick.experience.tolist(),
        "actions": [
            (SIDES[side], price, size)
            for side, price, size in zip(tick.sides.tolist(), tick.prices.tolist(), tick.sizes.tolist(), strict=True)
        ],
        "matches": list(
            zip(tick.match_a.tolist(), tick.match_b.tolist(), tick.match_prob.tolist(), *columns, strict=True)
        ),
    }


def close(tick: dict[str, Any]) -> dict[str, Any]:
    """Exact in all but what a square root, an exponential, and a rounded quotient make."""
    near = {name: pytest.approx(tick[name], abs=1e-12) for name in ("price_norm", "imbalance", "experience")}
    actions = [(side, pytest.approx(price), size) for side, price, size in tick["actions"]]
    return tick | near | {"volatility": pytest.approx(tick["volatility"], abs=1e-6), "actions": actions}


@given(TRADES, INTERVALS, st.randoms())
def test_ticks_are_those_of_the_reference_whatever_the_order_of_trades(
    trades: list[Trade], interval: str, random: Any
) -> None:
    # At one moment the order they come in counts, so these stay together.
    moments = sorted({trade.time for trade in trades})
    random.shuffle(moments)
    ticks = TradeTicks(float(interval), Ids(), silence=float(SILENCE))
    for time in moments:
        for trade in trades:
            if trade.time == time:
                ticks.add(trade)
    assert [told(tick) for tick in ticks.ticks_of_trades()] == [
        close(tick) for tick in Reference(interval).ticks(trades)
    ]


@given(TRADES, INTERVALS, st.data())
def test_a_state_kept_at_any_moment_goes_on_exactly(trades: list[Trade], interval: str, data: Any) -> None:
    late = 0.7

    def new() -> TradeTicks:
        return TradeTicks(float(interval), ids, silence=float(SILENCE))

    ids = Ids()
    whole = new()
    for trade in trades:
        whole.add(trade)
    expected = [tick.to_json() for tick in whole.ticks_of_trades()]
    ids = Ids()
    ticks, cut, given_ = new(), data.draw(st.integers(0, len(trades))), []
    for i, trade in enumerate(trades):
        if i == cut:
            saved, ticks = orjson.dumps(ticks.to_dict()), new()
            ticks.restore(orjson.loads(saved))
            assert orjson.dumps(ticks.to_dict()) == saved
        ticks.add(trade)
        given_ += [tick.to_json() for tick in ticks.ticks_of_trades(trade.time - late)]
    assert given_ + [tick.to_json() for tick in ticks.ticks_of_trades()] == expected
