"""CPU time of parts that share their thread, or their process, with others."""

from __future__ import annotations

import time


class Meter:
    """CPU seconds of the thread while the meter runs, and when it last ran (monotonic, None before)."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self.used_at: float | None = None
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.cpu_seconds += time.thread_time() - self._begun
        self.used_at = time.monotonic()


#: Of parts that report for themselves: what is left of the process's time is the process's own part.
_counted: list[Meter] = []


def counted_meter() -> Meter:
    """A meter whose seconds `metered_cpu_seconds` has in its sum."""
    _counted.append(Meter())
    return _counted[-1]


def metered_cpu_seconds() -> float:
    """CPU seconds that parts with a report of their own have spent in this process."""
    return sum(meter.cpu_seconds for meter in _counted)
