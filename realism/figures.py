"""The stylised facts of the built-in markets, measured over some seeds: which of them behaves as a real one.

`python -m realism.figures` prints the tables; it takes some minutes a market and seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from bars.making.builder import Builder
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS
from market.model.simulator import Simulator
from market.orderbook.market import OrderBookMarket
from market.orderbook.parameters import Parameters
from market.price_range import MODEL_RANGE, PriceRange, PriceRanges
from market.tick import Tick
from realism.facts import Finding, findings
from realism.facts_table import table_of
from realism.series import PriceBars, series_of

SEEDS = (42, 100, 200)
#: 20,000 s of market time: five and a half hours.
TICKS = 200_000
TICKS_A_SECOND = 10

#: A full minute, far from what a clock would say.
_START_TS = 1.7e9 - 1.7e9 % 60


class Source(Protocol):
    """A market that makes ticks."""

    def step(self) -> Tick: ...


#: Each market by its name, with what its prices lie between. In the last one, agents do not join.
MARKETS: dict[str, tuple[Callable[[int], Source], PriceRange]] = {
    "orderbook": (lambda seed: OrderBookMarket(seed, Parameters()), PriceRange(*Parameters().price_range)),
    "simulator": (lambda seed: Simulator(seed, 2000), MODEL_RANGE),
    "simulator, 50 agents": (lambda seed: Simulator(seed, agents=50, fixed_agents=True), MODEL_RANGE),
}


def findings_of(market: Source, prices: PriceRange, ticks: int) -> list[Finding]:
    """What the next ticks of a market show of each fact, over one second and one minute."""
    builder, bars = Builder(PriceRanges([(0, prices)])), {"1s": list[Ohlcv](), "1m": list[Ohlcv]()}
    for t in range(ticks):
        for bar in builder.take(market.step().placed(t, _START_TS + t / TICKS_A_SECOND)):
            if bar.resolution in bars:
                bars[bar.resolution].append(bar)
    return [
        finding
        for horizon, made in bars.items()
        for finding in findings(series_of(_columns(made), PERIOD_MS[horizon], [0], ticks), horizon)
    ]


def _columns(bars: list[Ohlcv]) -> PriceBars:
    times = np.array([(bar.open_ms, bar.first_t, bar.last_t) for bar in bars], np.int64).reshape(-1, 3).T
    close, volume = np.array([(bar.prices_of_ticks[-1], bar.volume) for bar in bars]).reshape(-1, 2).T
    return PriceBars(times[0], close, volume, times[1], times[2])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m realism.figures", description=__doc__.split("\n")[0])
    parser.add_argument("--ticks", type=int, default=TICKS, help=f"default {TICKS:,}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--market", choices=tuple(MARKETS), help="one of them only")
    options = parser.parse_args(arguments)
    for name, (market, prices) in MARKETS.items():
        for seed in options.seeds if options.market in (None, name) else ():
            print(f"\n{name}, seed {seed}, {options.ticks:,} ticks")
            print("\n".join(table_of(findings_of(market(seed), prices, options.ticks))), flush=True)


if __name__ == "__main__":
    main()
