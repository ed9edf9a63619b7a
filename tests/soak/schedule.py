"""The schedule: which part fails when, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Parts that are left alone after so much of the run, so that their memory can be judged; others are killed to its end.
SPARED_AFTER = {"market-1": 1 / 3, "web-2": 1 / 3, "worker": 1 / 2, "beat": 1 / 2}


@dataclass(frozen=True, order=True)
class Fault:
    """At so many seconds of the run something is done to a part: `kill`, `freeze`, `thaw`, `stop`, `start`, `cut`."""

    at: float
    action: str
    part: str


def schedule(seconds: float, seed: int, parts: list[str]) -> list[Fault]:
    """Faults of a run of so many seconds over `parts`, `postgres` and `redis` beside them, in order.

    A kill a minute and a half, a frozen web process about every ten minutes, two outages each of both services, and
    the database's connections cut every twenty. Only a run of some minutes has all of them. The first minute and the
    last are quiet.
    """
    rng = random.Random(seed)
    begin, end = min(60.0, seconds / 6), max(seconds - 90.0, seconds * 2 / 3)
    faults = [
        Fault(rng.uniform(begin, end), "kill", part)
        for part in _victims(rng, parts, max(len(parts), round(seconds / 80)))
    ]
    faults = [f for f in faults if f.at < seconds * SPARED_AFTER.get(f.part, 1)]
    for at in _spread(rng, begin, end, max(1, round(seconds / 600))):
        faults += _lasting("web-1", at, ("freeze", "thaw"), min(15.0, seconds / 12))
    for at in _spread(rng, begin, end, max(1, round(seconds / 1200))):
        faults.append(Fault(at, "cut", "postgres"))
    for service in ("postgres", "redis"):
        for at in _spread(rng, begin, end - min(60.0, seconds / 6), 2):
            faults += _lasting(service, at, ("stop", "start"), min(rng.uniform(30, 60), seconds / 20))
    return sorted(faults)


def _victims(rng: random.Random, parts: list[str], count: int) -> list[str]:
    """Web processes and markets twice as often as the others."""
    weights = [2 if part.startswith(("web", "market")) else 1 for part in parts]
    return rng.choices(parts, weights, k=count)


def _spread(rng: random.Random, begin: float, end: float, count: int) -> list[float]:
    """So many moments, one in each equal part of the time."""
    width = (end - begin) / count
    return [begin + n * width + rng.uniform(0.1, 0.7) * width for n in range(count)]


def _lasting(part: str, at: float, actions: tuple[str, str], seconds: float) -> list[Fault]:
    return [Fault(at, actions[0], part), Fault(at + seconds, actions[1], part)]
