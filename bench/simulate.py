"""What a tick of the simulator costs, beside its floor: as many NumPy calls on empty arrays.

`python bench/simulate.py [--ticks 2000]` measures both by turns and prints the medians and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from market.model.simulator import Simulator

#: NumPy calls (ufuncs, indexing, sorting, drawing) in one tick without density or joining; counted in
#: `Simulator.step` and the rules it calls.
NUMPY_CALLS = 72
GOAL_MS = {74: 0.10, 300: 0.15}
ROUNDS = 9


def milliseconds_each(call: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begun) * 1e3 / times


def floor() -> Callable[[], None]:
    """The calls of one tick with nothing in them."""
    empty, rint = np.empty(0), np.rint
    calls = range(NUMPY_CALLS)

    def empty_calls() -> None:
        for _ in calls:
            rint(empty)

    return empty_calls


def measure(agents: int, ticks: int) -> tuple[float, float]:
    """Milliseconds of a tick and of its floor, each the median over the rounds."""
    simulator, empty_calls = Simulator(agents=agents, fixed_agents=True), floor()
    milliseconds_each(simulator.step, 5_500)  # until the density window is full
    pairs = [(milliseconds_each(simulator.step, ticks), milliseconds_each(empty_calls, ticks)) for _ in range(ROUNDS)]
    return statistics.median(tick for tick, _ in pairs), statistics.median(empty for _, empty in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a tick of the simulator costs, beside its floor.")
    parser.add_argument("--ticks", type=int, default=2000, help="ticks in each of the rounds")
    ticks = parser.parse_args().ticks
    for agents, goal_ms in GOAL_MS.items():
        tick_ms, floor_ms = measure(agents, ticks)
        print(
            f"{agents:4} agents: {tick_ms:.4f} ms a tick, floor {floor_ms:.4f} ms, "
            f"{tick_ms / floor_ms:.1f} x the floor, {tick_ms / goal_ms:.2f} x the goal of {goal_ms:.2f} ms"
        )


if __name__ == "__main__":
    main()
