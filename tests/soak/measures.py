"""Measures of processes over time, and whether what they hold is flat.

The rule, for resident memory, descriptors and threads alike. A part is judged over the second half of a run, by the
samples of those of its processes that are warm: rings, caches and pools have filled by then, and Python's heap has
found its size. Through these samples goes the Theil-Sen line, whose slope is the median of the slopes of all pairs: a
fifth of wild samples (a flood, a restart, a checkpoint) does not move it, while a leak lifts all of them. All processes
of a part are on one line, so that growth is seen that each successor begins with. The part is flat if the line rises by
less than the allowance over the time judged. The allowance is 5 % of the median an hour, or the size of a step that
happens once, if that is more: an allocator takes memory by the MiB, and a pool a thread at a time.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

#: The age from which a process counts as warm. Web processes of 500 clients took ten minutes and more to be so.
WARM_SECONDS = 900.0
#: Less time than this from the first warm sample to the last tells nothing.
LEAST_SECONDS = 480.0
_LEAST_SAMPLES = 12
_FLAT_PART_AN_HOUR = 0.05
#: What is measured, its unit, and a step of it that happens once.
QUANTITIES = {"mib": ("MiB", 6.0), "descriptors": ("descriptors", 6.0), "threads": ("threads", 2.0)}
#: The parts that try the product. They keep what they heard for the verdict, so their memory grows and says nothing.
TRIERS = ("population", "sdk", "hostile")

_ESTABLISHED = "01"


def sample(pids: dict[str, int | None], ports: dict[str, int]) -> list[dict[str, Any]]:
    """Resident MiB, threads, CPU seconds and descriptors of each process that is there, and of its children.

    `ports` are those at which a part takes connections. These are counted as `connected`, and not as descriptors: how
    many there are is up to the clients.
    """
    connected = connections([*ports.values()])
    found = []
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if pid is not None:
                clients = connected[ports[name]] if name in ports else 0
                found.append({"part": name, "pid": pid, **_of(psutil.Process(pid), clients)})
                found += _children(name, pid)
    return found


def _children(name: str, pid: int) -> list[dict[str, Any]]:
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found.append({"part": f"{name} child", "pid": child.pid, **_of(child, 0)})
    return found


def _of(process: psutil.Process, connected: int) -> dict[str, float]:
    with process.oneshot():
        times = process.cpu_times()
        return {
            "mib": round(process.memory_info().rss / 2**20, 1),
            "descriptors": max(0, process.num_fds() - connected),
            "connected": connected,
            "threads": process.num_threads(),
            "cpu_seconds": round(times.user + times.system, 2),
        }


def connections(ports: list[int]) -> dict[int, int]:
    """How many established connections the kernel has at each of these ports of this machine."""
    found = dict.fromkeys(ports, 0)
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        port = int(local.rsplit(":", 1)[1], 16)
        if state == _ESTABLISHED and port in found:
            found[port] += 1
    return found


def bytes_below(directory: Path) -> int:
    """The sizes of all files in a directory, of which some may go at any time."""
    total = 0
    for path in directory.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


@dataclass(frozen=True)
class Trend:
    """A quantity of a part: its median and how it grows, in units an hour, over the seconds judged; None if these or
    the samples are too few."""

    part: str
    quantity: str
    median: float
    most: float
    seconds: float
    growth: float | None

    @property
    def allowance(self) -> float:
        """How much it may grow in the time judged."""
        return max(QUANTITIES[self.quantity][1], _FLAT_PART_AN_HOUR * self.median * self.seconds / 3600)

    @property
    def is_flat(self) -> bool:
        return self.growth is None or self.growth * self.seconds / 3600 < self.allowance

    def __str__(self) -> str:
        unit = QUANTITIES[self.quantity][0]
        if self.growth is None:
            return f"{self.part}: at most {self.most:.0f} {unit}, too short to judge"
        grown = self.growth * self.seconds / 3600
        return (
            f"{self.part}: {self.median:.0f} {unit} (most {self.most:.0f}), {grown:+.1f} in {self.seconds / 60:.0f} min"
            f" of at most {self.allowance:+.1f}"
        )


def trends(samples: list[dict[str, Any]], seconds: float) -> list[Trend]:
    """Of each quantity of each part that is judged, in the order of their names. The run lasted so many seconds."""
    begun: dict[int, float] = {}
    lives: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in samples:
        begun.setdefault(one["pid"], one["at"])
        if one["part"] not in TRIERS:
            age = one["at"] - begun[one["pid"]]
            lives[one["part"]].append({**one, "is_judged": age >= WARM_SECONDS and one["at"] >= seconds / 2})
    return [_trend(part, quantity, lives[part]) for part in sorted(lives) for quantity in QUANTITIES]


def _trend(part: str, quantity: str, life: list[dict[str, Any]]) -> Trend:
    judged = [one for one in life if one["is_judged"]]
    at, found = (np.array([one[name] for one in judged], dtype=float) for name in ("at", quantity))
    seconds = float(at[-1] - at[0]) if judged else 0.0
    enough = len(judged) >= _LEAST_SAMPLES and seconds >= LEAST_SECONDS
    return Trend(
        part=part,
        quantity=quantity,
        median=float(np.median(found)) if judged else 0.0,
        most=max(one[quantity] for one in life),
        seconds=seconds,
        growth=theil_sen(at / 3600, found) if enough else None,
    )


def theil_sen(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """The median of the slopes of all pairs of points (Sen 1968)."""
    one, other = np.triu_indices(len(x), k=1)
    apart = x[other] > x[one]
    return float(np.median((y[other] - y[one])[apart] / (x[other] - x[one])[apart]))
