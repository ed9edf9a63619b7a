"""Threads that are started before they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

#: Threads for the server's own work beside requests: checks of disk and database, scheduled tasks.
OWN_THREADS = 8


def running(threads: int, name: str) -> ThreadPoolExecutor:
    """An executor whose threads already run: if memory is short later, no thread start can fail."""
    executor, all_there = ThreadPoolExecutor(threads, thread_name_prefix=name), threading.Barrier(threads + 1)
    for _ in range(threads):
        executor.submit(all_there.wait)
    all_there.wait()
    return executor


class PrestartedThread:
    """A thread that already runs and waits for its work; the process may end without it."""

    def __init__(self, name: str) -> None:
        self._begun = threading.Event()
        self._work: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def start(self, work: Callable[[], object]) -> None:
        """Start the work, once."""
        self._work = work
        self._begun.set()

    def end(self) -> None:
        """Release a thread that still waits: there is no work for it."""
        self._begun.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end of the work, at most this long; returns whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._begun.wait()
        if self._work is not None:
            self._work()
