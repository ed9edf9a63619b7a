"""Threads that are there before they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
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


class PrestartedThread:
    """A thread that runs already and waits for its work; the process may end without it."""

    def __init__(self, name: str) -> None:
        self._begun = threading.Event()
        self._work: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def start(self, work: Callable[[], object]) -> None:
        """Begin with the work, once."""
        self._work = work
        self._begun.set()

    def end(self) -> None:
        """There is no work for it any more, if it waits for that still."""
        self._begun.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end of the work, so long at most; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._begun.wait()
        if self._work is not None:
            self._work()
