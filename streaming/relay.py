"""The relay: this process's one member in a market's group, its ring, and the fan-out to local clients.

Why one member a process and not one a client: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from recorder.history import History
from streaming.checkup import Checkup
from streaming.feed import Client, Feed
from streaming.health import Health, health_of, hears
from streaming.membership import Membership
from streaming.options import Options
from streaming.past import Loss, moments
from streaming.patience import Patience
from streaming.protocol import KINDS, Moment, control
from streaming.ring import Ring

log = logging.getLogger(__name__)

#: A hole in t is looked for in the recording for so long before it is told as a loss.
_HOLE_SECONDS = 3.0
_HOLE_PAUSE_SECONDS = 0.2

#: A tape is flushed within IG_FLUSH_SECONDS and a nap of the pipeline, each of the three for itself: what is this much
#: older than a tick that was heard lies on all of them.
_SETTLE_SECONDS = 0.5

#: The past is passed on in batches of so many bytes, each when the clients that keep up have taken the one before: an
#: outbox that holds a mebibyte must not overflow with what an outage left behind.
_BATCH_BYTES = 128 * 1024


#: Of their own, so that no request for a page of the past is waited for before a hole in the live stream is closed.
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="relay")


def group_name(symbol: str) -> str:
    """The channel group of a market. Symbols hold only characters that group names may hold."""
    return f"market.{symbol}"


class Relay:
    """One market, seen from this process. All methods are for the loop's thread."""

    def __init__(self, history: History, ring_ticks: int, ring_bytes: int, flush_seconds: float) -> None:
        #: After so long what was heard lies on the tapes.
        self.settle_seconds = flush_seconds + _SETTLE_SECONDS
        self.symbol, self.history = history.symbol, history
        self.ring = Ring(ring_ticks, ring_bytes)
        self.status: dict[str, Any] | None = None
        self.heard_at: float | None = None
        self.holes = self.lost_messages = 0
        self.joined, self.filled = asyncio.Event(), asyncio.Event()
        self.feeds: dict[Options, Feed] = {}
        #: Called on the loop with each group message as it comes, known moments and holes in t included.
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self.checkup = Checkup(self.symbol, asyncio.get_running_loop().time())
        self._ring_ticks = ring_ticks
        #: What came while the past is read, and when; what is more than a ring would hold is read again.
        self._held: deque[tuple[Moment, float]] = deque(maxlen=ring_ticks)
        self._recorded: asyncio.Task[int | None] | None = None
        self._filling = True
        self._patience = Patience()
        self._start: Callable[..., asyncio.Task[None]] = asyncio.get_running_loop().create_task

    def subscribe(self, client: Client, feed: Feed) -> None:
        """From now on the client is offered every moment."""
        feed.add(client, -1 if self.ring.last_t is None else self.ring.last_t)

    def feed(self, options: Options) -> Feed:
        """The feed of a set of options for one more client, made if there is none; kept until as many have left."""
        feed = self.feeds.setdefault(options, Feed(options))
        feed.users += 1
        return feed

    def leave(self, client: Client, feed: Feed) -> None:
        """The client is gone, whether it had joined or not; a feed that nobody uses any more goes too."""
        feed.remove(client)
        self.lost_messages += client.lost
        feed.users -= 1
        if not feed.users:
            del self.feeds[feed.options]

    @property
    def silent_seconds(self) -> float | None:
        """How long ago the pipeline was heard here; None if never."""
        return None if self.heard_at is None else time.monotonic() - self.heard_at

    async def health(self) -> Health:
        """(well, the body of `/health`)."""
        claim = None if hears(self.status, self.silent_seconds) else await self.checkup.claim()
        return health_of(self.status, self.silent_seconds, claim)

    def beat(self) -> None:
        """Each second: look after a silent market, and give clients that heard nothing for long a sign of life."""
        self.checkup.look_if_unheard(self.silent_seconds, asyncio.get_running_loop().time())
        text = control("heartbeat", t=-1 if self.ring.last_t is None else self.ring.last_t)
        for feed in self.feeds.values():
            for client in feed.clients:
                if client.is_quiet():
                    feed.tell(client, text)

    def take(self, message: dict[str, Any]) -> None:
        """A message of the group: a moment, or the pipeline's word of how it fares."""
        self.heard_at = time.monotonic()
        self.status = message["status"]
        if message["tick"] is not None:
            self.pass_on(Moment(message["t"], message["tick"], message["metric"], message["frame"]))
        for listener in self.listeners:
            listener(message)

    def pass_on(self, moment: Moment) -> None:
        """Keep a moment and hand it to every client.

        One that is known already is dropped. One that does not follow the last waits until what lies between has
        been read from the recording.
        """
        last = -1 if self.ring.last_t is None else self.ring.last_t
        if self._filling:
            self._held.append((moment, time.monotonic()))
        elif moment.t == last + 1:
            self._hand_out(moment)
        elif moment.t > last:
            self.holes += 1
            self._filling = True
            self._held.append((moment, time.monotonic()))
            self._filler = self._start(self._fill_hole() if self.ring else self.fill(at_rest=False))

    def _hand_out(self, moment: Moment) -> None:
        self.ring.append(moment)
        for feed in self.feeds.values():
            feed.send(moment)

    async def fill(self, *, at_rest: bool) -> None:
        """Fill the ring from the recording: a process that starts late knows what the others know.

        `at_rest` tells that nobody writes to the tapes now.
        """
        if not at_rest:
            await asyncio.sleep(self.settle_seconds)
        try:
            last = await _in_pool(self.history.last_t)
            if last is not None:
                # Of what is on its way here, parts may not be on the tapes yet: the moments themselves are whole.
                # Who has joined already did so when nothing was recorded, and so misses all of it.
                after_t = -1 if self._clients() else max(-1, last - self._ring_ticks)
                await self._read(after_t, self._held[0][0].t - 1 if self._held else last)
        except OSError as error:  # a tape that cannot be read must not keep the market from being streamed
            log.error("%s: the ring could not be filled from the recording: %s", self.symbol, error)
        await self._let_pass()

    async def ready(self) -> None:
        """Wait until the ring holds what is recorded, which it may not where the tape could not be read or nothing was
        heard of it. Raises OSError."""
        await self.filled.wait()
        if not self.ring and await self.recorded_t() is not None and not self.ring:
            if not self._filling:
                self._filling = True
                self.filled.clear()
                self._filler = self._start(self.fill(at_rest=False))
            await self.filled.wait()

    async def _fill_hole(self) -> None:
        self._patience = Patience()
        await self._let_pass()

    async def _let_pass(self) -> None:
        """Let what was held back pass, each hole before it closed as far as the recording can."""
        while self._held:
            await self._close_hole()
            self._release()
            if self._held:
                await self._patience.wait(self._clients())
        self.end_filling()

    def end_filling(self) -> None:
        """Go on with what the ring holds."""
        while self._held:
            self._release()
        self._filling = False
        self.filled.set()

    async def _read(self, after_t: int, to_t: int | None = None) -> None:
        """Hand out what is recorded behind a t. Losses are left for `_release` to tell."""
        past = moments(self.history, KINDS, after_t, to_t)
        while batch := await _in_pool(_some, past):
            for moment in batch:
                if isinstance(moment, Moment) and moment.tick:
                    self._catch_up(moment)
            await self._patience.wait(self._clients())

    def _catch_up(self, moment: Moment) -> None:
        """Hand out a moment that is new, and tell first what is missing before it."""
        if self.ring.last_t is None or moment.t > self.ring.last_t:
            self._tell_hole(moment.t)
            self._hand_out(moment)

    def _clients(self) -> list[Client]:
        return [client for feed in self.feeds.values() for client in feed.clients]

    async def _close_hole(self) -> None:
        """Read what is missing before the moments held back, again and again while it may still come."""
        while not self._is_closed():
            assert self.ring.last_t is not None
            _, heard_at = self._held[0]
            await asyncio.sleep(max(0.0, heard_at + self.settle_seconds - time.monotonic()))
            recorded = await self._read_hole(self.ring.last_t)
            moment, heard_at = self._held[0]  # another one, where more were held back than there is room for
            late_at = heard_at + self.settle_seconds + _HOLE_SECONDS
            if recorded >= moment.t or time.monotonic() >= late_at:
                return
            if not self._is_closed():
                await asyncio.sleep(_HOLE_PAUSE_SECONDS)

    async def _read_hole(self, after_t: int) -> int:
        """Hand out what is recorded before the first moment held back; how far the recording had come before."""
        try:
            recorded = await self.recorded_t()
            await self._read(after_t, self._held[0][0].t - 1)
        except OSError as error:
            log.warning("%s: the recording cannot be read: %s", self.symbol, error)
            return -1
        return -1 if recorded is None else recorded

    def _is_closed(self) -> bool:
        return self.ring.last_t is None or not self._held or self._held[0][0].t <= self.ring.last_t + 1

    def _release(self) -> None:
        """Let moments pass that were held back, up to the next hole or about so many bytes."""
        size = 0
        while self._held and size < _BATCH_BYTES and (not size or self._is_closed()):
            moment, _ = self._held.popleft()
            size += moment.size
            self._catch_up(moment)

    def _tell_hole(self, t: int) -> None:
        last = self.ring.last_t
        if last is not None and t > last + 1:
            for feed in self.feeds.values():
                feed.tell_gap(last + 1, t - 1, "lost")

    async def recorded_t(self) -> int | None:
        """The newest t on disk; one look for all who ask meanwhile. Raises OSError."""
        if self._recorded is None or self._recorded.done():
            self._recorded = asyncio.create_task(_in_pool(self.history.last_t))
        return await asyncio.shield(self._recorded)

    async def listen(self) -> None:
        """Stay in the group and pass on what comes, until cancelled. Raises what closing a hole failed of."""
        async with asyncio.TaskGroup() as group:
            self._start = group.create_task
            await Membership(group_name(self.symbol), self.take, self.joined).stay()


async def _in_pool(work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_pool, work, *arguments)


def _some(past: Iterator[Moment | Loss]) -> list[Moment | Loss]:
    batch: list[Moment | Loss] = []
    size = 0
    for record in past:
        batch.append(record)
        size += record.size if isinstance(record, Moment) else 1
        if size >= _BATCH_BYTES:
            break
    return batch
