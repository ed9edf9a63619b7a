"""Bars made by hand for the tests of backtests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from backtests.engine.engine import Terms
from bars.making.ohlcv import Ohlcv

MINUTE = 60_000
#: 2026-01-05, midnight UTC.
START = 1_767_571_200_000
SYMBOL = "IG-USD"


def bar(minute: int, open: float, close: float | None = None, volume: float = 1.0, matches: int = 1) -> Ohlcv:
    """A bar of one minute, `minute` of them after START."""
    close = open if close is None else close
    begin, high, low = START + minute * MINUTE, max(open, close), min(open, close)
    prices = (open, high, low, close)
    return Ohlcv(
        "1m", begin, open, high, low, close, volume, matches, *prices, minute * 600, minute * 600 + 599, begin + MINUTE
    )


def flat(prices: Sequence[float]) -> list[Ohlcv]:
    """Bars of one price each."""
    return [bar(minute, price) for minute, price in enumerate(prices)]


def wandering(count: int, seed: int = 1, missing: frozenset[int] = frozenset()) -> list[Ohlcv]:
    """A random walk in which each bar opens at a price of its own; the minutes in `missing` have none."""
    dice = random.Random(seed)
    bars, price = [], 100.0
    for minute in range(count):
        opened = price * (1 + dice.uniform(-0.01, 0.01))
        price = opened * (1 + dice.uniform(-0.02, 0.02))
        if minute not in missing:
            matches = dice.choice((0, 1, 7))
            bars.append(bar(minute, opened, price, round(dice.uniform(0, 5), 6) if matches else 0.0, matches))
    return bars


def terms(**changes: object) -> Terms:
    usual = {"strategy": "made", "symbol": SYMBOL, "resolution": "1m", "fee": 0.0}
    return Terms(**{**usual, **changes})  # type: ignore[arg-type]


def seconds(count: int, seed: int = 3) -> list[Ohlcv]:
    """A random walk of bars of a second; five ticks each, numbered from 0, and one more behind the last."""
    dice = random.Random(seed)
    bars, price = [], 100.0
    for number in range(count):
        opened, price = price, round(price * (1 + dice.uniform(-0.004, 0.004)), 2)
        high, low = max(opened, price), min(opened, price)
        begin, t = START + number * 1000, number * 5
        prices = (opened, high, low, price)
        volume = round(dice.uniform(0, 3), 6)
        bars.append(Ohlcv("1s", begin, opened, high, low, price, volume, 2, *prices, t, t + 4, begin + 1000))
    return bars
