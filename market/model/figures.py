"""The figures of the model: runs the simulator and compares the results with published ones.

`python -m market.model.figures` prints the table, and with `--response` also the liquidity for fixed numbers of agents;
the exit status is 1 if a figure misses its target.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from market.model.simulator import Simulator

SEEDS = (42, 100, 200, 300, 400)
TICKS = 50_000
RESPONSE_TICKS = 100_000
ADJUST_INTERVAL = 1_000
LATE_TICKS = 10_000
LATE_ADJUSTMENTS = 10

#: Mean liquidity by the number of agents held fixed: the published span over five seeds.
RESPONSE = {
    5: (0.658, 0.685),
    13: (0.644, 0.685),
    34: (0.620, 0.636),
    55: (0.625, 0.637),
    89: (0.623, 0.635),
    200: (0.620, 0.634),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure, one value a seed, and the bounds within which their mean is right."""

    name: str
    by_seed: tuple[float, ...]
    low: float
    high: float

    @property
    def mean(self) -> float:
        return sum(self.by_seed) / len(self.by_seed)

    @property
    def passed(self) -> bool:
        return self.low <= self.mean <= self.high

    def line(self, width: int = 32) -> str:
        """The figure's row of the table, its name in a column so many characters wide."""
        seeds = " ".join(f"{value:7.4f}" for value in self.by_seed)
        verdict = "pass" if self.passed else "FAIL"
        return f"{self.name:<{width}} {seeds} | {self.mean:7.4f} | {self.low:.3f} .. {self.high:.3f} | {verdict}"


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one run: the state of each tick, and the mean experience at each adjustment."""

    agents_at_end: int
    liquidity: list[float]
    price_norm: list[float]
    experience: list[float]


def run(simulator: Simulator, ticks: int) -> Run:
    """The next ticks of a simulator, summed up."""
    liquidity, price_norm, experience = [], [], []
    for _ in range(ticks):
        tick = simulator.step()
        liquidity.append(tick.liquidity)
        price_norm.append(tick.price_norm)
        if tick.t and tick.t % simulator.adjust_interval == 0:
            experience.append(float(np.mean(tick.experience)))
    return Run(simulator.agents, liquidity, price_norm, experience)


def model_figures(ticks: int = TICKS, seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """The figures of a market that grows from 3 agents, adjusted every 1,000 ticks.

    The bounds are right for 50,000 ticks; fewer than 1,001 have no adjustment to measure.
    """
    runs = [run(Simulator(seed, ADJUST_INTERVAL), ticks) for seed in seeds]
    agents = 3.0 + (ticks - 1) // ADJUST_INTERVAL
    return [
        Figure("agents at the end", tuple(float(one.agents_at_end) for one in runs), agents, agents),
        _means("mean liquidity", [one.liquidity for one in runs], 0.598, 0.618),
        _means("mean liquidity, last 10,000", [one.liquidity[-LATE_TICKS:] for one in runs], 0.609, 0.633),
        _means("experience, last adjustments", [one.experience[-LATE_ADJUSTMENTS:] for one in runs], 0.894, 0.954),
        Figure("std of p", tuple(float(np.std(one.price_norm)) for one in runs), 0.010, 0.030),
    ]


def _means(name: str, series: list[list[float]], low: float, high: float) -> Figure:
    return Figure(name, tuple(float(np.mean(values)) for values in series), low, high)


def response_figures(ticks: int = RESPONSE_TICKS, seeds: Sequence[int] = SEEDS) -> Iterator[Figure]:
    """Mean liquidity with 5 to 200 agents held fixed; the bounds are right for 100,000 ticks."""
    for agents, (low, high) in RESPONSE.items():
        runs = [run(Simulator(seed, agents=agents, fixed_agents=True), ticks) for seed in seeds]
        yield _means(f"mean liquidity, {agents} agents", [one.liquidity for one in runs], low, high)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; 0 where every figure meets its target."""
    parser = argparse.ArgumentParser(prog="python -m market.model.figures", description=__doc__.split("\n")[0])
    parser.add_argument("--ticks", type=int, help=f"default {TICKS:,}, of the response {RESPONSE_TICKS:,}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--response", action="store_true", help="also with the number of agents held fixed")
    options = parser.parse_args(arguments)
    if options.ticks is not None and options.ticks <= ADJUST_INTERVAL:
        parser.error(f"--ticks must be more than {ADJUST_INTERVAL}, got {options.ticks}")
    print(f"{'figure':<32} {'by seed':<{8 * len(options.seeds) - 1}} |    mean | target         |")
    if options.ticks not in (None, TICKS):
        print(f"(the targets are those of {TICKS:,} ticks, of the response {RESPONSE_TICKS:,})")
    figures = [_printed(figure) for figure in model_figures(options.ticks or TICKS, options.seeds)]
    if options.response:
        response = response_figures(options.ticks or RESPONSE_TICKS, options.seeds)
        figures += [_printed(figure) for figure in response]
    return 0 if all(figure.passed for figure in figures) else 1


def _printed(figure: Figure) -> Figure:
    print(figure.line(), flush=True)
    return figure


if __name__ == "__main__":
    sys.exit(main())
