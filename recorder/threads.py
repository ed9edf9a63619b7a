"""Threads that are there before they are needed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

#: For what a server does for itself beside requests: looks at disk and database, scheduled tasks.
OWN_THREADS = 8


def running(threads: int, name: str) -> ThreadPoolExecutor:
    """So many threads that run already: where memory is short later, none has to be started that may fail to."""
    executor, all_there = ThreadPoolExecutor(threads, thread_name_prefix=name), threading.Barrier(threads + 1)
    for _ in range(threads):
        executor.submit(all_there.wait)
    all_there.wait()
    return executor
