"""What a process counts of itself, cheap enough for every message: `/metrics` reads it (`monitoring`)."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: The upper bounds of the buckets of times, in seconds.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How many values were in each bucket, and their sum. `counts` has one entry more than `bounds`: what is above.

    Not locked: for values of one thread. Another one that reads meanwhile may miss the newest.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value; one below 0, as a clock that was set gives it, counts as 0."""
        value = max(value, 0.0)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count how long the context lasts, whether it fails or not."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - begun)


#: The limits at which connections and requests are refused.
LIMITS = ("connections", "connections_per_address", "sockets", "requests", "requests_per_address")

#: How often one of these was reached, and how often a pool's queue was full, by pool.
limits_reached: Counter[str] = Counter()
full_pools: Counter[str] = Counter()

#: Sockets and streams of events that this side ended with an error, by protocol and code.
ended_streams: Counter[tuple[str, str]] = Counter()
