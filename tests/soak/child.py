"""A process full of clients, as its parent sees it: lines of JSON on stdout, `finish` on stdin, and a testimony.

Everything it finds goes out at once (`violation`), figures every few seconds (`progress`), so an interrupted run still
tells what it saw.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Of one kind of violation and client so many are told, the rest are counted.
_MOST_TOLD = 5


class Book:
    """What the clients of a process report; may be written to from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()

    def violation(self, client: str, what: str, detail: str) -> None:
        with self._lock:
            self.counts[f"violation: {what}"] += 1
            self._told[client, what] += 1
            told = self._told[client, what]
        if told <= _MOST_TOLD:
            self.write("violation", client=client, what=what, detail=detail)

    def count(self, what: str, by: int = 1) -> None:
        with self._lock:
            self.counts[what] += by

    def write(self, type: str, **facts: Any) -> None:
        line = json.dumps({"type": type, "at": round(time.time(), 3), **facts})
        with self._lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def reporter(self, client: str) -> Callable[[str, str], None]:
        return lambda what, detail: self.violation(client, what, detail)


class Ages:
    """How late ticks come to the clients of a process: behind the earliest that the pace of late would have them."""

    def __init__(self, tick_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._lags: dict[str, list[float]] = {}

    def tick(self, symbol: str, t: int) -> None:
        self._lags.setdefault(symbol, []).append(time.monotonic() - t * self._tick_seconds)

    def take(self) -> dict[str, float]:
        """The median and the 99th percentile since the last call, in ms."""
        earliest = {symbol: min(lags) for symbol, lags in self._lags.items()}
        ages = sorted(lag - earliest[symbol] for symbol, lags in self._lags.items() for lag in lags)
        self._lags = {}
        if not ages:
            return {}
        return {f"age_p{p}_ms": round(1000 * ages[len(ages) * p // 100], 1) for p in (50, 99)}


def testimony_of(named_watches: list[tuple[str, Any]], testimony: Any, path: Path) -> None:
    """Write down what was heard, to be compared with the tapes."""
    records = [
        {
            "client": name,
            "symbol": watch.symbol,
            "every": watch.every,
            "begun_at": watch.begun_at,
            "heard": {kind: heard.tobytes() for kind, heard in watch.heard.items()},
            "gaps": watch.gaps,
            "repeats": watch.repeats,
        }
        for name, watch in named_watches
    ]
    path.write_bytes(pickle.dumps({"clients": records, "digests": testimony.digests}))


def raise_descriptors() -> None:
    """To the hard limit: this process holds many sockets."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def told_to_finish() -> dict[str, int]:
    """The parent's word that faults are over, and how far each market had come then. Empty when the parent is gone."""
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    targets: dict[str, int] = json.loads(line) if line.strip() else {}
    return targets
