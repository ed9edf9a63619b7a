"""Pools: each kind of slow work has its own threads, and refuses work when too much waits for them.

Why one kind must not wait for another, and what the threads limit: docs/architecture.md, "Bounds".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from runtime.db_threads import detached, reading
from runtime.threads import running

T = TypeVar("T")

#: A refused client may try again after this time: a full queue is processed in some seconds.
RETRY_SECONDS = 2


class Busy(Exception):
    """The queue of a kind of work is full."""

    def __init__(self, name: str, waiting: int) -> None:
        super().__init__(f"{waiting} requests wait for {name}; come again in {RETRY_SECONDS} s")


class Pool:
    """Threads for one kind of work, with a bounded queue. For the loop's thread.

    There are `threads` of them, or as many as `start` is given.
    """

    def __init__(self, name: str, *, threads: int | None = None, most_waiting: int = 64) -> None:
        self.name, self._most_waiting, self._own_threads = name, most_waiting, threads
        self._threads, self._taken = threads or 1, 0
        self._executor: Executor = ThreadPoolExecutor(self._threads, thread_name_prefix=name)

    def start(self, threads: int) -> None:
        """Start the threads, before there are clients."""
        self._threads = self.threads_of(threads)
        self._executor = running(self._threads, self.name)

    def threads_of(self, threads: int) -> int:
        """The number of threads if `start` is given this many."""
        return self._own_threads or threads

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Returns the result of the work. Raises Busy, and the errors of the work."""
        if self._taken >= self._threads + self._most_waiting:
            raise Busy(self.name, self._taken - self._threads)
        return await self.go_on(work, *arguments)

    async def go_on(self, work: Callable[..., T], *arguments: Any) -> T:
        """The same for work that cannot be refused any more: after the beginning of an answer, at an open socket."""
        loop = asyncio.get_running_loop()
        self._taken += 1
        future = self._executor.submit(work, *arguments)
        future.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(self._end))
        return await asyncio.wrap_future(future)

    async def ask(self, query: Callable[[], T]) -> T:
        """Returns the result of a query, retried once if its connection had broken. Raises Busy, django.db.Error."""
        return await self.run(asked, query)

    async def ask_on(self, query: Callable[[], T]) -> T:
        """The same at an open socket: never raises Busy."""
        return await self.go_on(asked, query)

    def _end(self) -> None:
        self._taken -= 1


def asked(query: Callable[[], T]) -> T:
    """Returns the result of a query, and leaves no connection open. Raises django.db.Error."""
    return detached(lambda: reading(query))


class RequestThreads:
    """Single threads for Django's synchronous steps: all steps of one request run on the same one.

    For the loop's thread.
    """

    def __init__(self, name: str, *, most_waiting: int | None = None) -> None:
        self.name, self._most_waiting = name, most_waiting
        self._load: Counter[Executor] = Counter({ThreadPoolExecutor(1): 0})

    def start(self, threads: int) -> None:
        """Start this many threads, before there are clients."""
        self._load = Counter({running(1, self.name): 0 for _ in range(threads)})

    def threads_of(self, threads: int) -> int:
        """The number of threads if `start` is given this many."""
        return threads

    @contextmanager
    def hand(self) -> Iterator[Executor]:
        """The thread for a request: the one with the fewest requests. Raises Busy."""
        taken = self._load.total()
        if self._most_waiting is not None and taken >= len(self._load) + self._most_waiting:
            raise Busy(self.name, taken - len(self._load))
        chosen = min(self._load, key=self._load.__getitem__)
        self._load[chosen] += 1
        try:
            yield chosen
        finally:
            self._load[chosen] -= 1


past = Pool("the recording")
listings = Pool("lists of segments")
bars = Pool("bars", most_waiting=32)
lookups = Pool("the database")
files = Pool("files")
#: Django's steps around each view, none of which waits for a disk or a database: never refused.
steps = RequestThreads("steps of requests")
admin = RequestThreads("the admin", most_waiting=32)

#: Few threads for all clients that catch up, so that the loop keeps most of the machine, however many there are.
resumes = Pool("resumes", threads=2)
#: The same for those that are sent bars of the past.
past_bars = Pool("bars of the past", threads=2)
#: Holes in the live stream are filled before any page of the past is read.
holes = Pool("holes", threads=4)
#: A database that hangs must not occupy the threads of other work.
tokens = Pool("tokens", threads=4)
alerts = Pool("alerts", threads=1)

#: Each of their threads has at most one connection to the database.
ALL: tuple[Pool | RequestThreads, ...] = (
    past,
    listings,
    bars,
    lookups,
    files,
    steps,
    admin,
    resumes,
    past_bars,
    holes,
    tokens,
    alerts,
)


def threads(of_each: int) -> int:
    """The number of threads of all pools if `start` is given this many."""
    return sum(pool.threads_of(of_each) for pool in ALL)


def start(threads: int) -> None:
    """Start the threads of every pool."""
    for pool in ALL:
        pool.start(threads)
