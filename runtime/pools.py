"""Pools: each kind of slow work has its own threads, and refuses work when too much waits for them.

Why one kind must not wait for another, and what the threads limit: docs/architecture.md, "Bounds".
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from runtime.db_threads import close_connections, detached, reading
from runtime.fair_queue import FairExecutor
from runtime.measured import full_pools
from runtime.threads import running
from runtime.unavailable import Unavailable
from runtime.waiting_line import WaitingLine, client

T = TypeVar("T")

#: A refused client may try again after this time: a full queue is processed in some seconds.
RETRY_SECONDS = 2


class Busy(Exception):
    """The queue of a kind of work is full."""

    def __init__(self, name: str, waiting: int) -> None:
        full_pools[name] += 1
        super().__init__(f"{waiting} requests wait for {name}; come again in {RETRY_SECONDS} s")


#: Threads of a pool that may wait for something remote (`away`) while as many as ever work: a store that is slow takes
#: no thread from those who read the disk, and one that answers after 50 ms gives each pool some 30 MB/s.
AWAY_THREADS = 8

#: If more wait than that, one waits for its turn so long.
_AWAY_SECONDS = 2.0


class TooManyAway(Unavailable):
    """As many threads of a pool as may wait for something remote do."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} reads wait for it already")


class _Places:
    """The places at which threads of a pool work, and those of threads that are away."""

    def __init__(self, working: int, away: int) -> None:
        self._working, self._away = threading.Semaphore(working), threading.Semaphore(away)
        self._most_away = away

    def work(self, work: Callable[..., T], *arguments: Any) -> T:
        """Returns the result of the work, which begins when there is a place, and leaves no connection open."""
        with self._working:
            _here.places = self
            try:
                return work(*arguments)
            finally:
                _here.places = None
                close_connections()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Leave the place to another thread. Raises TooManyAway."""
        if not self._away.acquire(timeout=_AWAY_SECONDS):
            raise TooManyAway(self._most_away)
        try:
            close_connections()  # there are as many as threads that work
            self._working.release()
            try:
                yield
            finally:
                self._working.acquire()
        finally:
            self._away.release()


class _Here(threading.local):
    """The places of the pool to which a thread belongs; None for other threads."""

    places: _Places | None = None


_here = _Here()


@contextmanager
def away() -> Iterator[None]:
    """Encloses a wait for something remote: meanwhile another thread of the same pool works. Raises TooManyAway.

    Nothing of the database may be under way.
    """
    if _here.places is None:
        yield
        return
    with _here.places.away():
        yield


class Pool:
    """Threads for one kind of work, with a bounded queue. For the loop's thread.

    Clients take turns, so that one with much to do delays another by one piece of work. A full queue still takes in the
    work of a client that has little in it. There are `threads` of them, or as many as `start` is given. Where a pool
    `waits_remotely`, `start` may add some for work that is `away`.
    """

    def __init__(
        self, name: str, *, threads: int | None = None, most_waiting: int = 64, waits_remotely: bool = False
    ) -> None:
        self.name, self._most_waiting, self._own_threads = name, most_waiting, threads
        self._threads, self._waits_remotely = threads or 1, waits_remotely
        self._line = WaitingLine(self._threads + most_waiting)
        self._executor = FairExecutor(ThreadPoolExecutor(self._threads, thread_name_prefix=name))
        self._places: _Places | None = None

    def start(self, threads: int, away: int = 0) -> None:
        """Start the threads, before there are clients."""
        self._threads = self.threads_of(threads)
        self._line.most = self._threads + self._most_waiting
        if away and self._waits_remotely:
            self._places = _Places(self._threads, away)
        self._executor = FairExecutor(running(self._threads + (away if self._places else 0), self.name))

    @property
    def taken(self) -> int:
        """How many pieces of work are under way or wait."""
        return self._line.taken

    def threads_of(self, threads: int) -> int:
        """The number of threads if `start` is given this many."""
        return self._own_threads or threads

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Returns the result of the work. Raises Busy, and the errors of the work."""
        asking = client.get()
        if not self._line.has_room(asking):
            raise Busy(self.name, self._line.taken - self._threads)
        self._line.enter(asking)
        return await self._ended(partial(self._line.leave, asking), work, *arguments)

    async def go_on(self, work: Callable[..., T], *arguments: Any) -> T:
        """The same for work that cannot be refused any more: after the beginning of an answer, at an open socket."""
        self._line.taken += 1
        return await self._ended(self._go, work, *arguments)

    async def _ended(self, end: Callable[[], None], work: Callable[..., T], *arguments: Any) -> T:
        """The result of the work; `end` is called when it has left the queue and the threads."""
        placed = (work,) if self._places is None else (self._places.work, work)
        future = self._executor.submit(copy_context().run, *placed, *arguments)
        _behind(future, end)
        return await asyncio.wrap_future(future)

    async def ask(self, query: Callable[[], T]) -> T:
        """Returns the result of a query, retried once if its connection had broken. Raises Busy, django.db.Error."""
        return await self.run(asked, query)

    async def ask_on(self, query: Callable[[], T]) -> T:
        """The same at an open socket: never raises Busy."""
        return await self.go_on(asked, query)

    def _go(self) -> None:
        self._line.taken -= 1


def _behind(future: Future[Any], end: Callable[[], object]) -> None:
    """Have `end` called on the loop when a piece of work has left its queue and its thread."""
    loop = asyncio.get_running_loop()
    future.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(end))


def asked(query: Callable[[], T]) -> T:
    """Returns the result of a query, and leaves no connection open. Raises django.db.Error."""
    return detached(lambda: reading(query))


class RequestThreads:
    """Single threads for Django's synchronous steps: all steps of one request run on the same one.

    Clients take turns on each, so that one with many requests delays another by one step. For the loop's thread.
    """

    def __init__(self, name: str, *, most_waiting: int | None = None) -> None:
        self.name, self._most_waiting = name, math.inf if most_waiting is None else most_waiting
        self._load: Counter[Executor] = Counter({FairExecutor(ThreadPoolExecutor(1)): 0})
        self._line = WaitingLine(1 + self._most_waiting)

    def start(self, threads: int, away: int = 0) -> None:
        """Start this many threads, before there are clients; nothing remote is waited for here."""
        self._load = Counter({FairExecutor(running(1, self.name)): 0 for _ in range(threads)})
        self._line.most = threads + self._most_waiting

    @property
    def taken(self) -> int:
        """How many requests have a thread."""
        return self._line.taken

    def threads_of(self, threads: int) -> int:
        """The number of threads if `start` is given this many."""
        return threads

    @contextmanager
    def hand(self) -> Iterator[Executor]:
        """The thread for a request: the one with the fewest requests. Raises Busy."""
        asking = client.get()
        if not self._line.has_room(asking):
            raise Busy(self.name, self._line.taken - len(self._load))
        chosen = min(self._load, key=self._load.__getitem__)
        self._line.enter(asking)
        self._load[chosen] += 1
        leave: Callable[[], object] = partial(self._leave, asking, chosen)
        try:
            yield chosen
        except asyncio.CancelledError:
            # A step may be left behind: its thread is not free before it is done, nor before an empty one behind it.
            leave = partial(_behind, chosen.submit(int), leave)
            raise
        finally:
            leave()

    def _leave(self, asking: Hashable | None, chosen: Executor) -> None:
        self._line.leave(asking)
        self._load[chosen] -= 1


past = Pool("the recording", waits_remotely=True)
listings = Pool("lists of segments", waits_remotely=True)
bars = Pool("bars", most_waiting=32)
lookups = Pool("the database")
files = Pool("files", waits_remotely=True)
#: Tables are computed: two threads keep a machine busy, and each holds the rows of a batch.
exports = Pool("tables", threads=2, most_waiting=16, waits_remotely=True)
#: Django's steps around each view, none of which waits for a disk or a database: never refused.
steps = RequestThreads("steps of requests")
admin = RequestThreads("the admin", most_waiting=32)

#: Few threads for all clients that catch up, so that the loop keeps most of the machine, however many there are.
resumes = Pool("resumes", threads=2, waits_remotely=True)
#: The same for those that are sent bars of the past.
past_bars = Pool("bars of the past", threads=1)
#: One for all replays, however many there are: what they take of the machine does not grow with them.
replays = Pool("replays", threads=1, waits_remotely=True)
#: Holes in the live stream are filled before any page of the past is read.
holes = Pool("holes", threads=4, waits_remotely=True)
#: A database that hangs must not occupy the threads of other work.
tokens = Pool("tokens", threads=4)
alerts = Pool("alerts", threads=1)

#: The text of `/metrics` waits for nothing, and for no work that may wait for a disk or a database.
figures = Pool("figures", threads=1)

#: Each of their threads that work has at most one connection to the database.
ALL: tuple[Pool | RequestThreads, ...] = (
    past,
    listings,
    bars,
    lookups,
    files,
    exports,
    steps,
    admin,
    resumes,
    past_bars,
    replays,
    holes,
    tokens,
    alerts,
)


def threads(of_each: int) -> int:
    """The number of threads of these pools if `start` is given this many."""
    return sum(pool.threads_of(of_each) for pool in ALL)


def start(threads: int, away: int = 0) -> None:
    """Start the threads of every pool, and so many more of those that wait remotely."""
    for pool in (*ALL, figures):
        pool.start(threads, away)
