"""Ticks for the tests of bars, and the bars that follow from their definition, worked out in the plainest way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from bars.making.resolutions import PERIOD_MS
from market.tick import SIDES, Tick

NOON = 1769256000.0


def tick(
    t: int,
    ts: float,
    quotes: list[tuple[str, float, float]] | None = None,
    matches: list[tuple[int, int]] | None = None,
    trades: list[tuple[float | None, float | None]] | None = None,
    price_norm: float = 0.5,
) -> Tick:
    """A tick of (side, price, size) and (a, b); `trades` are what its source tells of the matches: (price, size)."""
    quotes, matches = quotes or [], matches or []
    told = np.array(trades or [], np.float64).reshape(-1, 2)  # None is NaN
    return Tick(
        t=t,
        ts=ts,
        price_norm=price_norm,
        volatility=0.0,
        liquidity=0.5,
        imbalance=0.0,
        agent_ids=np.arange(len(quotes)),
        experience=np.zeros(len(quotes)),
        sides=np.array([SIDES.index(side) for side, _, _ in quotes], np.int8),
        prices=np.array([price for _, price, _ in quotes], np.float64),
        sizes=np.array([size for _, _, size in quotes], np.float64),
        match_a=np.array([a for a, _ in matches], np.int64),
        match_b=np.array([b for _, b in matches], np.int64),
        match_prob=np.full(len(matches), 0.5),
        match_prices=None if np.isnan(told[:, 0]).all() else told[:, 0],
        match_sizes=None if np.isnan(told[:, 1]).all() else told[:, 1],
    )


@st.composite
def _facts(draw: st.DrawFn) -> tuple[Any, ...]:
    count = draw(st.integers(0, 4))
    cents = st.integers(1, 2000)
    quotes = [(draw(st.sampled_from(SIDES)), draw(cents) / 100, draw(st.integers(0, 40)) / 8) for _ in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(-1, count) if a != b]
    matches = draw(st.lists(st.sampled_from(pairs), max_size=3)) if pairs else []
    told = st.tuples(
        st.none() | cents.map(lambda cent: cent / 100), st.none() | st.integers(0, 40).map(lambda n: n / 8)
    )
    trades = [draw(told) for _ in matches] if draw(st.booleans()) else None
    return quotes, matches, trades, draw(st.integers(0, 10**6)) / 10**6


@st.composite
def tapes(draw: st.DrawFn, most: int = 40) -> list[Tick]:
    """Ticks one after the other, some close together, some with hours between; now and then one is missing."""
    steps = st.sampled_from([0.1, 0.25, 0.5, 1.0, 4.0, 31.0, 61.0, 400.0, 5000.0, 50_000.0])
    t, ts, found = 0, NOON + draw(st.integers(0, 86_400)), []
    for facts in draw(st.lists(_facts(), min_size=1, max_size=most)):
        found.append(tick(t, ts, *facts))
        t += draw(st.sampled_from([1, 1, 1, 1, 3]))
        ts = round(ts + draw(steps), 6)
    return found


def price_of(tick: Tick) -> float:
    """*The* price of a tick of the model, in the plainest way."""
    return round(40_000 + 20_000 * tick.price_norm, 6)


def volume_of(tick: Tick) -> float:
    """The sizes of a tick's matches in the plainest way."""
    volume = 0.0
    for i, (a, b) in enumerate(zip(tick.match_a.tolist(), tick.match_b.tolist(), strict=True)):
        told = math.nan if tick.match_sizes is None else float(tick.match_sizes[i])
        own = float(tick.sizes[a])
        volume += (own if b < 0 else min(own, float(tick.sizes[b]))) if math.isnan(told) else told
    return volume


class _Second(NamedTuple):
    """The prices a second is made of, none where it repeats the last close, and its volume."""

    open_ms: int
    prices: list[float]
    shown: float
    volume: float


def _seconds(ticks: list[Tick]) -> Iterator[_Second]:
    last_trade: float | None = None
    for open_ms, found in groupby(ticks, key=lambda one: int(one.ts // 1) * 1000):
        group = list(found)
        trades = [
            float(price)
            for one in group
            if one.match_prices is not None
            for price in one.match_prices
            if not math.isnan(price)
        ]
        quiet = not trades and last_trade is not None and not any(one.match_a.size for one in group)
        prices = trades or ([] if quiet else [price_of(one) for one in group])
        last_trade = trades[-1] if trades else last_trade if quiet else None
        yield _Second(open_ms, prices, prices[-1] if prices else last_trade, sum(volume_of(one) for one in group))


def literal_bars(ticks: list[Tick], resolution: str) -> list[list[Any]]:
    """The closed bars of some ticks by the definition: resolution, open_ms, close_ms, o, h, l, c, volume."""
    length, bars = PERIOD_MS[resolution], []
    for number, found in groupby(_seconds(ticks), key=lambda second: second.open_ms // length):
        group = list(found)
        prices = [price for second in group for price in second.prices] or [group[-1].shown]
        figures = [prices[0], max(prices), min(prices), prices[-1], sum(second.volume for second in group)]
        bars.append([resolution, number * length, (number + 1) * length, *figures])
    # The last period has ticks, and none of a later one: it is not closed.
    return bars[:-1]
