"""The whole pipeline, flat out: ticks a second of what `runmarket --ticks N --speed 0` runs, rows in SQLite included.

`python bench/pipeline.py [--agents 10 74 100 300] [--ticks 3000]` prints them beside those of the reference backend,
measured once on such a machine. Each market runs in a process of its own and with a fixed number of agents; the first
ticks, until the window is full and every second tick of stride 10 makes a frame, are not counted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stores import environment  # noqa: E402

#: Ticks a second of the reference backend, which does not record: window 300, stride 10, by number of agents.
REFERENCE = {10: 890.0, 74: 57.0, 100: 34.0, 300: 4.5}
GOAL = {74: 60, 300: 200}

#: Until then the window fills, the first frame comes, and every piece of text is met once.
_WARM_UP_TICKS = 400


def run(agents: int, ticks: int) -> None:
    """In a process of its own, whose settings name the store: prints ticks a second, in wall and in CPU time."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from market.model.simulator import Simulator
    from market.sources.options import SourceSettings
    from market.sources.simulated import SimulatorSource
    from pipeline import run

    call_command("migrate", verbosity=0)
    begun = (0.0, 0.0)

    def on_tick(done: int) -> None:
        nonlocal begun
        if done == _WARM_UP_TICKS:
            begun = (time.perf_counter(), time.process_time())

    def source_from(setting: str, of: SourceSettings) -> SimulatorSource:
        return SimulatorSource(Simulator(seed=of.seed, agents=agents, fixed_agents=True))

    # The settings know of no number of agents: a market grows by itself.
    with patch.object(run, "source_from", source_from):
        market = run.MarketRun(settings.CONFIG, home_symbol=settings.CONFIG.symbol)
        market.run(most_ticks=_WARM_UP_TICKS + ticks, on_tick=on_tick)
    ended = (time.perf_counter(), time.process_time())
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(*(ticks / (end - begin) for begin, end in zip(begun, ended, strict=True)), peak_mib)


def measure(agents: int, ticks: int) -> tuple[float, float, float]:
    """Ticks a wall second, ticks a CPU second, and the process's greatest memory in MiB."""
    with tempfile.TemporaryDirectory() as directory:
        own = environment(Path(directory), IG_SPEED="0", REDIS_URL="")
        code = f"from bench.pipeline import run; run({agents}, {ticks})"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=own, check=True, stdout=subprocess.PIPE, text=True)
    wall, cpu, peak_mib = map(float, done.stdout.split())
    return wall, cpu, peak_mib


def main() -> None:
    parser = argparse.ArgumentParser(description="Ticks a second of the whole pipeline, flat out.")
    parser.add_argument("--agents", type=int, nargs="+", default=list(REFERENCE))
    parser.add_argument("--ticks", type=int, default=3000, help="ticks counted in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for agents in options.agents:
        rounds = [measure(agents, options.ticks) for _ in range(options.rounds)]
        wall, cpu, peak_mib = (statistics.median(column) for column in zip(*rounds, strict=True))
        line = f"{agents:4} agents: {wall:6.0f} ticks/s ({cpu:6.0f} a CPU second), at most {peak_mib:.0f} MiB"
        if agents in REFERENCE:
            goal = f", goal {GOAL[agents]} x" if agents in GOAL else ""
            line += f"; the reference {REFERENCE[agents]:g}: {wall / REFERENCE[agents]:.0f} x{goal}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
