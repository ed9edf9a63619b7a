"""The keeper: a thread that makes a market's bars that the database lacks, and then writes each one that closes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from django.db import Error as DatabaseError

from bars import coarse
from bars.errors import BarsStopped
from bars.making.builder import Builder
from bars.making.tape import closings
from bars.stored import Closing, builder_from, save, take_back
from market.price_range import PriceRanges
from market.tick import TickError
from recorder.models import Market
from recorder.tape.history import History
from runtime.announced import Announced
from runtime.db_threads import close_connections, detached
from runtime.supervision import supervisor

log = logging.getLogger(__name__)

#: Rows are written about this often, each time in one transaction of at most this many closings.
WRITE_SECONDS = 0.5
_MOST_CLOSINGS = 1000
_BATCH_TICKS = 2000

#: A tape is looked at so often while it does not hold what is wanted yet.
_LOOK_SECONDS = 0.1

#: What is not found on a tape so long after it was written is lost.
_SETTLE_SECONDS = 3.0

#: How often an unavailable database or tape is tried again.
RETRY_SECONDS = 1.0

#: So many closings wait for a database that is away (some 10 MB); beyond, they are made again from the tape.
MOST_WAITING = 20_000


class BarKeeper:
    """Keeps the bars of one market, on its own thread; `next_t` is the first tick that will be made, `ranges` are the
    price ranges of its runs.

    Rows of ticks from there on come from a crash in which some ticks did not reach the disk: they are removed. Then the
    tape after the rows is read, up to the tick before `held_from()`, which may advance meanwhile. `hand_over` receives
    the builder and that tick's t; it returns False if `held_from()` has advanced. `still_writes(t)` says whether ticks
    up to a t are not on the tape yet, and will be: these are waited for, however long a flush takes. Nothing is written
    unless the market still `is_mine`: another process makes its bars then.
    """

    def __init__(
        self,
        market: Market,
        history: History,
        next_t: int,
        *,
        held_from: Callable[[], int],
        hand_over: Callable[[Builder, int], bool],
        still_writes: Callable[[int], bool] = lambda t: False,
        is_mine: Callable[[], bool] = lambda: True,
        ranges: PriceRanges | None = None,
        write_seconds: float = WRITE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._market, self._history, self._next_t = market, history, next_t
        self._held_from, self._hand_over, self._still_writes = held_from, hand_over, still_writes
        self._ranges, self._is_mine = ranges or PriceRanges(), is_mine
        self._write_seconds, self._retry_seconds, self._most_waiting = write_seconds, retry_seconds, most_waiting
        self._waiting: deque[Closing] = deque()
        self._changed = threading.Condition()
        self._dropped_t: int | None = None
        self._closing = self._given_up = False
        self._writing = Announced(log)
        self._name = f"bars of {market.symbol}"
        self._thread = threading.Thread(target=partial(detached, self._work), name=self._name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of closings that are not in the database yet."""
        return len(self._waiting)

    def put(self, closing: Closing) -> None:
        """Take the closings of a tick; from any thread, at once. Raises BarsStopped."""
        with self._changed:
            if self._closing:
                raise BarsStopped(self._market.symbol)
            self._waiting.append(closing)
            if len(self._waiting) > self._most_waiting:
                self._dropped_t = self._waiting.popleft().t

    def close(self, seconds: float) -> bool:
        """Write what waits and end, within this time; otherwise the next start makes it from the tape. Without any time
        nothing more is written."""
        with self._changed:
            self._closing, self._given_up = True, not seconds
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            self._given_up = True
            self._changed.notify()
        written = not (self._thread.is_alive() or self._waiting)
        if not written and seconds:
            log.warning("%s: %d bars were not written, the next start makes them again", self._market, self.waiting)
        return written

    # -- the thread

    def _work(self) -> None:
        if self._persist(self._make_up_and_hand_over):
            while self._pause():
                self._persist(self._write)

    def _persist(self, work: Callable[[], None]) -> bool:
        """Repeat a job until it succeeds; returns False if the keeper was stopped meanwhile."""
        while True:
            try:
                work()
            except (DatabaseError, OSError, TickError) as error:
                close_connections()
                self._writing.lost("%s: bars wait to be written: %s", self._market, error)
            except Exception as error:  # noqa: BLE001 (noted, and no reason to give up the bars)
                supervisor.failed(self._name, error)
                close_connections()
            else:
                self._writing.back("%s: bars are written again", self._market)
                return True
            pause_seconds = max(self._retry_seconds, supervisor.pause_seconds(self._name))
            with self._changed:
                if self._changed.wait_for(lambda: self._given_up, pause_seconds):
                    return False

    def _pause(self) -> bool:
        """Wait until rows should be written; returns False when there is nothing more to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, self._write_seconds)
            done = self._closing and not self._waiting and self._dropped_t is None
            return not self._given_up and not done

    def _make_up_and_hand_over(self) -> None:
        take_back(self._market, self._next_t)
        coarse.make_up(self._market, lambda: self._closing)
        builder = builder_from(self._market, self._ranges)
        while not self._closing:
            to_t = self._held_from() - 1
            self._make_up(builder, to_t, lambda: self._closing)
            if self._hand_over(builder, to_t):
                return

    def _make_up(self, builder: Builder, to_t: int, stop: Callable[[], bool]) -> None:
        """Write the bars of the tape up to a t, unless stopped.

        Ticks that are missing from the tape a while after it was written count as lost.
        """
        began = moved = time.monotonic()
        while not stop() and _position(builder) < to_t and time.monotonic() - moved < _SETTLE_SECONDS:
            # Asked before the look: what is written by then is found, however long the disk takes for both.
            before, writes = builder.t, self._still_writes(to_t)
            for batch in _batches(closings(self._history, builder, to_t)):
                self._save(batch)
                if stop():
                    return
            if writes or builder.t != before:
                moved = time.monotonic()
            if _position(builder) < to_t:
                with self._changed:
                    self._changed.wait_for(stop, _LOOK_SECONDS)
        if time.monotonic() - began > 1:
            log.info("%s: bars up to t=%d were made from the tape", self._market, _position(builder))

    def _write(self) -> None:
        if self._dropped_t is not None:
            self._write_dropped()
        # Never a bar before those that closed earlier: what is stored must be all up to some tick.
        while self._waiting and self._dropped_t is None and not self._given_up:
            with self._changed:
                batch = list(islice(self._waiting, _MOST_CLOSINGS))
            self._save(batch)
            with self._changed:
                written = {id(closing) for closing in batch}
                while self._waiting and id(self._waiting[0]) in written:
                    self._waiting.popleft()

    def _save(self, batch: Sequence[Closing]) -> None:
        if self._is_mine():
            save(self._market, batch)

    def _write_dropped(self) -> None:
        """Make from the tape the bars that were not held."""
        dropped_t = self._dropped_t
        assert dropped_t is not None
        self._make_up(builder_from(self._market, self._ranges), dropped_t, lambda: self._given_up)
        with self._changed:
            if self._dropped_t == dropped_t and not self._given_up:
                self._dropped_t = None


def _position(builder: Builder) -> int:
    return -1 if builder.t is None else builder.t


def _batches(told: Iterator[Closing | None]) -> Iterator[list[Closing]]:
    """Closings in lists, each for one transaction."""
    while taken := list(islice(told, _BATCH_TICKS)):
        if batch := [closing for closing in taken if closing is not None]:
            yield batch
