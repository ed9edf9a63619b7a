"""The figures of the order book market: hubs, fat tails and clustered volatility, measured over five seeds.

`python -m market.orderbook.figures` prints the table; the exit status is 1 if a figure misses its target.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from market.model.figures import Figure
from market.orderbook.market import OrderBookMarket
from market.orderbook.parameters import Parameters
from market.tick import Floats

SEEDS = (42, 100, 200, 300, 400)
TICKS = 50_000

#: 1 s of market time at the default tick interval.
TICKS_A_SECOND = 10

#: Lags in seconds. Those of `returns` are beyond "a few"; the last of |returns| are beyond 50 s.
RETURN_LAGS = range(6, 31)
DECAY_LAGS = {"|r|, lag 1 s": range(1, 2), "|r|, lags 5-15 s": range(5, 16), "|r|, lags 45-55 s": range(45, 56)}


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one run: the returns of each second, and how the weight of matches is spread.

    Each match weighs one, half for each of its agents. `makers_share` is what falls to the makers, `makers_in` the
    share of the matches that a maker has a part in.
    """

    returns: Floats
    makers_share: float
    makers_in: float
    matches_a_tick: float


def run(market: OrderBookMarket, ticks: int) -> Run:
    """The next ticks of a market, summed up."""
    mids, makers = [], []
    for _ in range(ticks):
        tick = market.step()
        mids.append(tick.mid)
        of_makers = (tick.match_a < market.parameters.makers).astype(int) + (tick.match_b < market.parameters.makers)
        makers += of_makers.tolist()
    sides = np.array(makers)
    returns: Floats = np.diff(np.log(np.array(mids)[::TICKS_A_SECOND]))
    return Run(returns, float(sides.mean()) / 2, float((sides > 0).mean()), len(sides) / ticks)


def excess_kurtosis(values: Floats) -> float:
    """The fourth standardised moment less 3, which is the normal distribution's."""
    deviations = values - values.mean()
    return float((deviations**4).mean() / (deviations**2).mean() ** 2 - 3.0)


def autocorrelation(values: Floats, lags: Sequence[int]) -> float:
    """The mean autocorrelation over some lags."""
    deviations = values - values.mean()
    variance = (deviations**2).mean()
    return float(np.mean([(deviations[lag:] * deviations[:-lag]).mean() / variance for lag in lags]))


def market_figures(ticks: int = TICKS, seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """The figures of a market with 100 agents. The bounds are right for 50,000 ticks."""
    runs = [run(OrderBookMarket(seed, Parameters()), ticks) for seed in seeds]
    returns = [one.returns for one in runs]
    return [
        Figure("match weight of makers", tuple(one.makers_share for one in runs), 0.5, 1.0),
        Figure("matches with a maker", tuple(one.makers_in for one in runs), 0.5, 1.0),
        Figure("matches a tick", tuple(one.matches_a_tick for one in runs), 0.5, 10.0),
        Figure("deviation of 1 s returns, bp", tuple(float(r.std()) * 1e4 for r in returns), 0.5, 10.0),
        Figure("excess kurtosis of 1 s returns", tuple(map(excess_kurtosis, returns)), 1.0, 100.0),
        *(_correlation(name, [np.abs(r) for r in returns], lags, 0.02, 1.0) for name, lags in DECAY_LAGS.items()),
        _correlation("r, lag 1 s", returns, [1], -0.15, 0.15),
        _correlation("r, lags 6-30 s", returns, RETURN_LAGS, -0.02, 0.02),
    ]


def _correlation(name: str, values: list[Floats], lags: Sequence[int], low: float, high: float) -> Figure:
    by_seed = tuple(autocorrelation(one, lags) for one in values)
    return Figure(f"autocorrelation of {name}", by_seed, low, high)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 0 where every figure meets its target."""
    parser = argparse.ArgumentParser(prog="python -m market.orderbook.figures", description=__doc__.split("\n")[0])
    parser.add_argument("--ticks", type=int, default=TICKS, help=f"default {TICKS:,}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args(arguments)
    if options.ticks < 100 * TICKS_A_SECOND:
        parser.error(f"--ticks must be at least {100 * TICKS_A_SECOND}, got {options.ticks}")
    print(f"{'figure':<39} {'by seed':<{8 * len(options.seeds) - 1}} |    mean | target          |")
    figures = market_figures(options.ticks, options.seeds)
    for figure in figures:
        print(figure.line(39), flush=True)
    return 0 if all(figure.passed for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
