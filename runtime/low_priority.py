"""Work at the lowest priority, in a process whose other work keeps its own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

NICENESS = 19


def at_low_priority(job: Callable[[], T]) -> T:
    """The result of a job, done by a thread of its own that yields to everything else on the machine."""
    with ThreadPoolExecutor(1, "low priority", initializer=_yield_to_all) as alone:
        return alone.submit(job).result()


def _yield_to_all() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
