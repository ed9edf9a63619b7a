"""The end of a process: whether it is about to stop, and how a signal stops it."""

from __future__ import annotations

import signal
import threading
from queue import SimpleQueue

#: Set for good once a server was told to stop, which it says first and probes ask.
stopping = threading.Event()


def stop_at_signals(stop: threading.Event) -> None:
    """Set `stop` at SIGINT and SIGTERM from now on. For the main thread.

    Another thread sets it: Python runs a handler between two steps of whatever the main thread does, and within
    `stop.wait()` the handler would wait for ever for a lock that its own thread holds; `SimpleQueue.put` needs none.
    """
    signals: SimpleQueue[int] = SimpleQueue()

    def wait() -> None:
        signals.get()
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: signals.put(number))
