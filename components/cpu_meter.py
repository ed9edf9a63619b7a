"""CPU time of components that share their thread, or their process, with others."""

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


#: The meters of components that report for themselves: the rest of the process's time is the process's own.
_counted: list[Meter] = []


def counted_meter() -> Meter:
    """A meter whose seconds `metered_cpu_seconds` includes."""
    _counted.append(Meter())
    return _counted[-1]


def metered_cpu_seconds() -> float:
    """CPU seconds that components with a report of their own have used in this process."""
    return sum(meter.cpu_seconds for meter in _counted)
