"""Measures of processes over time, and whether their memory is flat."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

#: Rings and caches fill, Python's heap finds its size: memory is judged from this age of a process on.
WARM_SECONDS = 900.0
#: Shorter lives than this tell nothing.
_LEAST_SECONDS = 600.0
#: Resident memory that grows less than this part an hour counts as flat.
FLAT_PART_AN_HOUR = 0.05
#: The parts that try the product. They keep what they heard for the verdict, so their memory grows and says nothing.
TRIERS = ("population", "sdk", "hostile")


def sample(pids: dict[str, int | None]) -> list[dict[str, Any]]:
    """Resident MiB, descriptors and CPU seconds of each process that is there."""
    found = []
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if pid is not None:
                found.append({"part": name, "pid": pid, **_of(psutil.Process(pid))})
    return found


def _of(process: psutil.Process) -> dict[str, float]:
    with process.oneshot():
        times = process.cpu_times()
        return {
            "mib": round(process.memory_info().rss / 2**20, 1),
            "descriptors": process.num_fds(),
            "cpu_seconds": round(times.user + times.system, 2),
        }


@dataclass(frozen=True)
class Trend:
    """One life of a part: how long, its memory at the end, and how much that grew an hour (MiB) once it was warm."""

    part: str
    pid: int
    hours: float
    mib: float
    most_mib: float
    most_descriptors: int
    cpu_percent: float
    growth: float | None

    @property
    def is_flat(self) -> bool:
        return self.part in TRIERS or self.growth is None or self.growth < FLAT_PART_AN_HOUR * self.mib

    def __str__(self) -> str:
        growth = "too short to judge" if self.growth is None else f"{self.growth:+.1f} MiB an hour"
        return (
            f"{self.part} {self.hours * 60:.0f} min: {self.mib:.0f} MiB (most {self.most_mib:.0f}), {growth},"
            f" {self.cpu_percent:.0f} % of a core, at most {self.most_descriptors} descriptors"
        )


def trends(samples: list[dict[str, Any]], warm_seconds: float = WARM_SECONDS) -> list[Trend]:
    """Of each life of each part, in the order of their names."""
    lives: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for one in samples:
        lives[one["part"], one["pid"]].append(one)
    return [_trend(part, pid, life, warm_seconds) for (part, pid), life in sorted(lives.items())]


def _trend(part: str, pid: int, life: list[dict[str, Any]], warm_seconds: float) -> Trend:
    first, last = life[0], life[-1]
    seconds = last["at"] - first["at"]
    warm = [one for one in life if one["at"] >= first["at"] + warm_seconds]
    growth = None
    if len(warm) > 2 and warm[-1]["at"] - warm[0]["at"] >= _LEAST_SECONDS:
        hours = np.array([one["at"] / 3600 for one in warm])
        growth = float(np.polyfit(hours - hours[0], [one["mib"] for one in warm], 1)[0])
    return Trend(
        part=part,
        pid=pid,
        hours=seconds / 3600,
        mib=last["mib"],
        most_mib=max(one["mib"] for one in life),
        most_descriptors=max(one["descriptors"] for one in life),
        cpu_percent=100 * (last["cpu_seconds"] - first["cpu_seconds"]) / seconds if seconds else 0.0,
        growth=growth,
    )
