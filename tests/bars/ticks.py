"""Ticks for the tests of bars, and the bars that follow from their definition, worked out in the plainest way."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import Any

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
    mid: float | None = None,
) -> Tick:
    """A tick of (side, price, size) and (a, b)."""
    quotes, matches = quotes or [], matches or []
    return Tick(
        t=t,
        ts=ts,
        price_norm=0.5,
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
        mid=mid,
    )


@st.composite
def _facts(draw: st.DrawFn) -> tuple[Any, ...]:
    count = draw(st.integers(0, 4))
    cents = st.integers(1, 2000)
    quotes = [(draw(st.sampled_from(SIDES)), draw(cents) / 100, draw(st.integers(0, 40)) / 8) for _ in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(-1, count) if a != b]
    matches = draw(st.lists(st.sampled_from(pairs), max_size=3)) if pairs else []
    mid = draw(st.none() | st.none() | cents.map(lambda cent: cent / 100))
    return quotes, matches, mid


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


def literal_bars(ticks: list[Tick], resolution: str) -> list[list[Any]]:
    """The closed bars of some ticks by the definition: resolution, open_ms, close_ms, o, h, l, c, volume."""
    length, last, mid, seen = PERIOD_MS[resolution], None, None, []
    for one in ticks:
        quotes = [price for side, price in zip(one.sides, one.prices, strict=True) if side]
        mid = one.mid if one.mid is not None else median(quotes) if quotes else mid
        seen.append((int(one.ts * 1000 // length) * length, one, mid))
    bars = []
    for open_ms, group in groupby(seen, key=lambda entry: entry[0]):
        prices, volume, mid = [], 0.0, None
        for _, one, mid in group:
            for a, b in zip(one.match_a.tolist(), one.match_b.tolist(), strict=True):
                own, size = float(one.prices[a]), float(one.sizes[a])
                if b >= 0:
                    prices.append(round((own + float(one.prices[b])) / 2, 6))
                    volume += min(size, float(one.sizes[b]))
                else:
                    prices.append(round(own if mid is None else mid, 6))
                    volume += size
        flat = last if last is not None else None if mid is None else round(mid, 6)
        last = prices[-1] if prices else last
        if prices or flat is not None:
            shown = prices or [flat]
            figures = [shown[0], max(shown), min(shown), shown[-1], volume]
            bars.append([resolution, open_ms, open_ms + length, *figures])
    # The last period has ticks, and none of a later one: it is not closed.
    newest = int(ticks[-1].ts * 1000 // length) * length
    return [bar for bar in bars if bar[1] < newest]
