"""The schedule: which part fails when, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

#: Parts that are left alone after so much of the run, so that what they hold can be judged in its second half, when
#: they are warm. The others, of which there is a twin in either case, are killed to its end.
SPARED_AFTER = {"market-1": 1 / 4, "web-2": 1 / 4, "worker": 1 / 3, "beat": 1 / 3}


@dataclass(frozen=True, order=True)
class Fault:
    """At so many seconds of the run something is done to a part: `kill`, `freeze`, `thaw`, `stop`, `start`, `cut`."""

    at: float
    action: str
    part: str

    def __str__(self) -> str:
        return f"{int(self.at // 60)}:{self.at % 60:04.1f} {self.action} {self.part}"


def schedule(seconds: float, seed: int, parts: list[str]) -> list[Fault]:
    """Faults of a run of so many seconds over `parts`, the services beside them, in order.

    A kill in each minute, two outages of each service, a frozen web process about every ten minutes, and the database's
    connections cut every twenty. The last minute and a half are quiet, or a third of a run of few minutes.
    """
    rng = random.Random(seed)
    end = max(seconds - 90.0, seconds * 2 / 3)
    step = min(60.0, end / (2 * len(parts)))
    faults = [*_kills(rng, step, end, seconds, parts)]
    begin = min(60.0, seconds / 6)
    for at in _spread(rng, begin, end, max(1, round(seconds / 600))):
        faults += _lasting("web-1", at, ("freeze", "thaw"), min(15.0, seconds / 12))
    for at in _spread(rng, begin, end, max(1, round(seconds / 1200))):
        faults.append(Fault(at, "cut", "postgres"))
    for service in ("postgres", "redis", "bucket"):
        for at in _spread(rng, begin, end - min(60.0, seconds / 6), 2):
            faults += _lasting(service, at, ("stop", "start"), min(rng.uniform(30, 60), seconds / 20))
    return sorted(faults)


def _kills(rng: random.Random, step: float, end: float, seconds: float, parts: list[str]) -> Iterator[Fault]:
    """One in each step. Of those parts that are not spared each comes once before any comes again."""
    left: list[str] = []
    for number in range(1, int(end / step) + 1):
        at = (number - rng.uniform(0, 0.5)) * step
        left = [part for part in left if at < seconds * SPARED_AFTER.get(part, 1)]
        if not left:
            left = [part for part in parts if at < seconds * SPARED_AFTER.get(part, 1)]
            rng.shuffle(left)
        yield Fault(at, "kill", left.pop())


def _spread(rng: random.Random, begin: float, end: float, count: int) -> list[float]:
    """So many moments, one in each equal part of the time."""
    width = (end - begin) / count
    return [begin + n * width + rng.uniform(0.1, 0.7) * width for n in range(count)]


def _lasting(part: str, at: float, actions: tuple[str, str], seconds: float) -> list[Fault]:
    return [Fault(at, actions[0], part), Fault(at + seconds, actions[1], part)]
