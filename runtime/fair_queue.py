"""Fair queues: work of several clients, of which each client in turn has one piece done."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from runtime.waiting_line import client as present_client


class FairQueue:
    """Of one client's pieces the oldest is next, and of the clients the one that waits longest. For any thread."""

    def __init__(self) -> None:
        self._of_client: OrderedDict[Hashable | None, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, client: Hashable | None, work: Callable[[], Any]) -> Future[Any]:
        """Add a piece; `work_once` is to be called once for it."""
        future: Future[Any] = Future()
        with self._lock:
            self._of_client.setdefault(client, deque()).append((future, work))
        return future

    def work_once(self) -> None:
        """Do the next piece, or nothing in place of one that was cancelled."""
        future, work = self._take()
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - of whoever waits for it
            future.set_exception(error)
            del future, work  # the traceback holds this frame
        else:
            future.set_result(result)

    def _take(self) -> tuple[Future[Any], Callable[[], Any]]:
        with self._lock:
            client, pieces = next(iter(self._of_client.items()))
            taken = pieces.popleft()
            if pieces:
                self._of_client.move_to_end(client)
            else:
                del self._of_client[client]
        return taken


class FairExecutor(Executor):
    """Passes work to the threads of another executor; those for whom the present code works take turns."""

    def __init__(self, threads: Executor) -> None:
        self._threads, self._queue = threads, FairQueue()

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future = self._queue.put(present_client.get(), partial(work, *arguments, **named))
        self._threads.submit(self._queue.work_once)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads, as of any executor; what was submitted is done first."""
        self._threads.shutdown(wait)
