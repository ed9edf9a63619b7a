"""Filling: brings what is recorded into a ring, at first and wherever moments do not follow each other."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime import pools
from runtime.supervision import supervisor
from streaming.fanout.backpressure import Backpressure
from streaming.history_moments import batch_of, moments
from streaming.protocol import KINDS, LARGEST_T, Loss, Moment
from streaming.relay.relaying import Relaying
from streaming.relay.rush import Rush
from streaming.relay.unheard import Unheard

log = logging.getLogger(__name__)

#: A hole in t is looked for in the recording for so long before it is told as a loss.
_HOLE_SECONDS = 3.0
_HOLE_PAUSE_SECONDS = 0.2

#: The past is passed on in batches of so many bytes, each when the clients that keep up have taken the one before: an
#: outbox that holds a mebibyte must not overflow with what an outage left behind.
_BATCH_BYTES = 128 * 1024


class Filling:
    """Puts the moments of one recording in order for a relay's ring of that recording. For the loop's thread.

    A moment that does not follow the last waits until what lies between has been read. `filled` is set once the ring
    holds what was recorded at first.
    """

    def __init__(self, relay: Relaying, ring_ticks: int) -> None:
        self._relay, self._ring, self._history = relay, relay.ring, relay.history
        self._ring_ticks = ring_ticks
        #: What came while the past is read, and when; what is more than a ring would hold is read again.
        self._held: deque[tuple[Moment, float]] = deque(maxlen=ring_ticks)
        self._recorded: asyncio.Task[int | None] | None = None
        self._under_way = True
        self._is_stopped = self._is_unread = False
        self._filler: asyncio.Task[None] | None = None
        self.unheard = Unheard(self, relay.settle_seconds, lambda work: relay.start(work))  # it may change
        #: The last t of each kind that is known to be lost.
        self._lost_to = dict.fromkeys(KINDS, -1)
        self._backpressure, self._rush = Backpressure(), Rush()
        self.holes = 0
        self.filled = asyncio.Event()

    @property
    def last_t(self) -> int:
        """The newest t in memory, -1 if there is none."""
        return -1 if self._ring.last_t is None else self._ring.last_t

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being read into the ring, and something may be."""
        return not self._under_way and not self._is_stopped

    def read_from(self, history: History) -> None:
        """The same recording, by an id that has become known."""
        self._history = history

    def stop(self) -> None:
        """The recording is over, and nothing more of it goes into the ring."""
        if self._filler is not None and self._filler is not asyncio.current_task():
            self._filler.cancel()
        self._held.clear()
        self._is_stopped = True
        self.filled.set()  # whoever waits for it finds another one in its place

    def beat(self, now: float) -> None:
        """Each second; `now` is in monotonic seconds."""
        self._rush.look(now)
        self.unheard.beat(now)

    def take(self, moment: Moment) -> None:
        """Hand out a moment in its place; one that is known already is dropped.

        Behind a standstill one that follows passes as if it had been held back: those that waited come all at once.
        """
        if self._under_way:
            self._held.append((moment, time.monotonic()))
        elif moment.t == self.last_t + 1 and not (self._ring and self._rush.is_on(time.monotonic())):
            self._relay.hand_out(moment)
        elif moment.t > self.last_t:
            self.holes += moment.t != self.last_t + 1
            self._held.append((moment, time.monotonic()))
            if self._ring:
                self._begin(self._fill_hole())
            else:
                self.begin()

    async def recorded_now(self) -> int:
        """The newest t on disk, -1 where it is not known, or is that of another recording by now."""
        try:
            with self._reading():
                return -1 if (recorded := await self.recorded_t()) is None else recorded
        except OtherStore as other:
            self._relay.enter(other.store_id)
        return -1

    def read_end(self, recorded_t: int) -> None:
        """Hand out what is recorded up to a t and was not heard."""
        if self._ring:
            self._begin(self._read_end(recorded_t))
        else:
            self.begin()

    async def _read_end(self, recorded_t: int) -> None:
        self._backpressure = Backpressure()
        try:
            await self._read_hole(self.last_t, recorded_t)
        except OtherStore as other:
            return self._relay.enter(other.store_id)
        await self._let_pass()

    def begin(self) -> None:
        """Fill the ring, whose recording others may have begun to write."""
        if self._is_stopped:
            return
        self.filled.clear()
        self._begin(self.fill(at_rest=False))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._under_way = True
        self._filler = self._relay.start(work)

    async def fill(self, *, at_rest: bool) -> None:
        """Fill the ring from the recording: a process that starts late knows what the others know.

        `at_rest` tells that nobody writes to the tapes now.
        """
        if self._filler is not None and self._filler is not asyncio.current_task() and not self._filler.done():
            return  # another one is at it
        self._filler = asyncio.current_task()
        if not at_rest:
            await asyncio.sleep(self._relay.settle_seconds)
        try:
            # A tape that cannot be read must not keep the market from being streamed, whatever its reader comes upon.
            with supervisor.guarded(f"tape of {self._relay.symbol}", but=OtherStore):
                await self._fill_ring()
        except OtherStore as other:
            return self._relay.enter(other.store_id)
        await self._let_pass()

    async def _fill_ring(self) -> None:
        try:
            last = await pools.holes.go_on(self._history.last_t)
            if last is not None:
                # Who has joined already did so when nothing was recorded, and so misses all of it; or when what is
                # recorded could not be read, and that may be much.
                misses_all = self._relay.feeds.clients() and not self._is_unread
                await self._read(-1 if misses_all else max(-1, last - self._ring_ticks), last)
        except OSError as error:
            self._is_unread = True
            log.error("%s: the ring could not be filled from the recording: %s", self._relay.symbol, error)

    async def ready(self) -> None:
        """Wait until the ring holds what is recorded, which it may not where the tape could not be read or nothing was
        heard of it. Raises OSError, OtherStore."""
        await self.filled.wait()
        if not self._relay.ended and not self._ring and await self.recorded_t() is not None and not self._ring:
            if not self._under_way:
                self.begin()
            await self.filled.wait()

    async def _fill_hole(self) -> None:
        self._backpressure = self._rush.backpressure if self._rush.is_on(time.monotonic()) else Backpressure()
        await self._let_pass()

    async def _let_pass(self) -> None:
        """Let what was held back pass, each hole before it closed as far as the recording can."""
        while self._held:
            try:
                await self._close_hole()
            except OtherStore as other:
                return self._relay.enter(other.store_id)
            self._release()
            if self._held:
                await self._backpressure.wait(self._relay.feeds.clients())
        self.end()

    def end(self) -> None:
        """Go on with what the ring holds."""
        while self._held:
            self._release()
        self._under_way = False
        self.filled.set()

    async def _read(self, after_t: int, recorded_t: int) -> None:
        """Hand out what is recorded behind a t, as far as the tick tape was seen to reach, since beyond it a moment may
        lie there in part; and before what is held back, which is whole. Ticks that are lost are left for `_release` to
        tell."""
        to_t = min(recorded_t, self._held[0][0].t - 1) if self._held else recorded_t
        past, lost = moments(self._history, KINDS, after_t, to_t), list[Loss]()
        while batch := await pools.holes.go_on(batch_of, past, None, _BATCH_BYTES):
            for record in batch:
                if isinstance(record, Loss):
                    lost.append(record)
                elif record.tick:
                    self._tell_found(record)
                    self.catch_up(record, lost)
                    lost.clear()
            await self._backpressure.wait(self._relay.feeds.clients())

    def _tell_found(self, moment: Moment) -> None:
        """Tell of a moment that was missed; at first all of the past is read, of which it is not known what was."""
        for found in list(self._relay.on_found) if self.filled.is_set() and moment.t > self.last_t else ():
            with supervisor.guarded(f"listener of {self._relay.symbol}"):
                found(moment)

    def catch_up(self, moment: Moment, lost: Sequence[Loss] = ()) -> None:
        """Hand out a moment that is new, and tell first what is missing before it, and what was lost beside it and the
        moments that follow."""
        last = self._ring.last_t
        if last is None or moment.t > last:
            if last is None:
                self._relay.feeds.tell_beginning(moment.t)
            elif moment.t > last + 1:
                kinds = [kind for kind in KINDS if self._lost_to[kind] < moment.t - 1]
                self._relay.feeds.tell_gap(last + 1, moment.t - 1, self._history.loss_reason, kinds)
            for loss in lost:
                self._lose(replace(loss, from_t=max(loss.from_t, moment.t)))
            self._relay.hand_out(moment)

    def _lose(self, loss: Loss) -> None:
        """Tell of a loss beside ticks that are there, which does not show by their t; in memory too."""
        if loss.kind != "tick" and loss.from_t <= loss.to_t:
            self._lost_to[loss.kind] = max(self._lost_to[loss.kind], loss.to_t)
            self._ring.lose(loss)
            self._relay.feeds.tell_gap(loss.from_t, loss.to_t, loss.reason, [loss.kind])

    async def _close_hole(self) -> None:
        """Read what is missing before the moments held back, again and again while it may still come."""
        while not self._is_closed():
            assert self._ring.last_t is not None
            _, heard_at = self._held[0]
            await asyncio.sleep(max(0.0, heard_at + self._relay.settle_seconds - time.monotonic()))
            recorded = await self._read_hole(self._ring.last_t)
            moment, heard_at = self._held[0]  # another one, where more were held back than there is room for
            late_at = heard_at + self._relay.settle_seconds + _HOLE_SECONDS
            if recorded >= moment.t or time.monotonic() >= late_at:
                return
            if not self._is_closed():
                await asyncio.sleep(_HOLE_PAUSE_SECONDS)

    async def _read_hole(self, after_t: int, to_t: int = LARGEST_T) -> int:
        """Hand out what is recorded up to a t, and before the first moment held back; how far the recording had come
        before."""
        with self._reading():
            if (recorded := await self.recorded_t()) is not None:
                await self._read(after_t, min(recorded, to_t))
                return recorded
        return -1

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What cannot be read is looked for again later. Raises OtherStore."""
        with supervisor.guarded(f"tape of {self._relay.symbol}", but=OtherStore):
            try:
                yield
            except OSError as error:
                log.warning("%s: the recording cannot be read: %s", self._relay.symbol, error)

    def _is_closed(self) -> bool:
        return self._ring.last_t is None or not self._held or self._held[0][0].t <= self._ring.last_t + 1

    def _release(self) -> None:
        """Let moments pass that were held back, up to the next hole or about so many bytes."""
        size = 0
        while self._held and size < _BATCH_BYTES and (not size or self._is_closed()):
            moment, _ = self._held.popleft()
            size += moment.size
            self.catch_up(moment)

    async def recorded_t(self) -> int | None:
        """The newest t on disk; one look for all who ask meanwhile. Raises OSError, OtherStore."""
        if self._recorded is None or self._recorded.done():
            self._recorded = asyncio.create_task(pools.holes.go_on(self._history.last_t))
        return await asyncio.shield(self._recorded)
