"""The relay: this process's one member in a market's group, its ring, and the fan-out to local clients.

Why one member a process and not one a client: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from recorder.history import History
from streaming.feed import Client, Feed
from streaming.options import Options
from streaming.past import Loss, moments
from streaming.protocol import KINDS, Moment, control
from streaming.ring import Ring

log = logging.getLogger(__name__)

#: What a channel layer raises while its broker is away.
LAYER_ERRORS = (OSError, RedisError)

#: The in-memory layer ends a membership after a day and evicts a member that read too late; joining again is harmless.
_REJOIN_SECONDS = 30.0
_RETRY_SECONDS = 1.0

#: A hole in t is looked for in the recording for so long before it is told as a loss.
_HOLE_SECONDS = 3.0
_HOLE_PAUSE_SECONDS = 0.2

#: A tape is flushed within IG_FLUSH_SECONDS and a nap of the pipeline, each of the three for itself: what is this much
#: older than a tick that was heard lies on all of them.
_SETTLE_SECONDS = 0.5

#: So many moments of the past are passed on before the loop gets a turn.
_BATCH = 200


def group_name(symbol: str) -> str:
    """The channel group of a market. Symbols hold only characters that group names may hold."""
    return f"market.{symbol}"


class Relay:
    """One market, seen from this process. All methods are for the loop's thread."""

    def __init__(self, history: History, ring_ticks: int, ring_bytes: int, flush_seconds: float) -> None:
        self._settle_seconds = flush_seconds + _SETTLE_SECONDS
        self.symbol, self.history = history.symbol, history
        self.ring = Ring(ring_ticks, ring_bytes)
        self.status: dict[str, Any] | None = None
        self.heard_at: float | None = None
        self.holes = self.lost_messages = 0
        self.joined, self.filled = asyncio.Event(), asyncio.Event()
        self.feeds: dict[Options, Feed] = {}
        #: Called on the loop with each group message as it comes, known moments and holes in t included.
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        self._ring_ticks = ring_ticks
        self._held: deque[Moment] = deque()
        self._filling = True
        self._away = False

    def subscribe(self, client: Client, feed: Feed) -> None:
        """From now on the client is offered every moment."""
        feed.add(client, -1 if self.ring.last_t is None else self.ring.last_t)

    def feed(self, options: Options) -> Feed:
        """The feed of a set of options, made if there is none."""
        return self.feeds.setdefault(options, Feed(options))

    def leave(self, client: Client, feed: Feed) -> None:
        """The client is gone; a feed without clients goes too."""
        feed.remove(client)
        self.lost_messages += client.lost
        if not feed.clients and self.feeds.get(feed.options) is feed:
            del self.feeds[feed.options]

    def beat(self) -> None:
        """A sign of life for clients that heard nothing for long."""
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
        last = self.ring.last_t
        if self._filling:
            self._held.append(moment)
        elif last is None or moment.t == last + 1:
            self._hand_out(moment)
        elif moment.t > last:
            self.holes += 1
            self._filling = True
            self._held.append(moment)
            self._filler = asyncio.get_running_loop().create_task(self._fill_hole())

    def _hand_out(self, moment: Moment) -> None:
        self.ring.append(moment)
        for feed in self.feeds.values():
            feed.send(moment)

    async def fill(self, *, at_rest: bool) -> None:
        """Fill the ring from the recording: a process that starts late knows what the others know.

        `at_rest` tells that nobody writes to the tapes now.
        """
        if not at_rest:
            await asyncio.sleep(self._settle_seconds)
        last = await asyncio.to_thread(self.history.last_t)
        if last is not None:
            await self._read(max(-1, last - self._ring_ticks))
        self.end_filling()

    def end_filling(self) -> None:
        """Go on with what the ring holds."""
        self._release()
        self.filled.set()

    async def _read(self, after_t: int, to_t: int | None = None) -> None:
        """Hand out what is recorded behind a t. Losses are left for `_release` to tell."""
        past = moments(self.history, KINDS, after_t, to_t)
        while batch := await asyncio.to_thread(_some, past):
            for moment in batch:
                last = self.ring.last_t
                if isinstance(moment, Moment) and moment.tick and (last is None or moment.t > last):
                    self._tell_hole(moment.t)
                    self._hand_out(moment)

    async def _fill_hole(self) -> None:
        """Look for what is missing before the moments held back, and then let those pass."""
        deadline = time.monotonic() + _HOLE_SECONDS
        await asyncio.sleep(self._settle_seconds)
        while not self._is_closed() and time.monotonic() < deadline:
            assert self.ring.last_t is not None
            try:
                await self._read(self.ring.last_t, self._held[0].t - 1)
            except OSError as error:
                log.warning("%s: the recording cannot be read: %s", self.symbol, error)
            if not self._is_closed():
                await asyncio.sleep(_HOLE_PAUSE_SECONDS)
        self._release()

    def _is_closed(self) -> bool:
        return self.ring.last_t is None or self._held[0].t <= self.ring.last_t + 1

    def _release(self) -> None:
        """Let the moments pass that were held back, telling what is missing between them."""
        while self._held:
            moment = self._held.popleft()
            if self.ring.last_t is None or moment.t > self.ring.last_t:
                self._tell_hole(moment.t)
                self._hand_out(moment)
        self._filling = False

    def _tell_hole(self, t: int) -> None:
        last = self.ring.last_t
        if last is not None and t > last + 1:
            for feed in self.feeds.values():
                feed.tell_gap(last + 1, t - 1, "lost")

    async def listen(self) -> None:
        """Stay in the group and pass on what comes, until cancelled; a layer that fails is tried again."""
        layer = get_channel_layer()
        while True:
            try:
                await self._listen(layer)
            except LAYER_ERRORS as error:
                if not self._away:
                    log.warning("%s: the relay lost the channel layer and tries again: %s", self.symbol, error)
                self._away = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, layer: Any) -> None:
        channel = await layer.new_channel("relay")
        rejoin = asyncio.create_task(self._stay(layer, channel))
        receive = asyncio.create_task(self._receive(layer, channel))
        try:
            await asyncio.wait((rejoin, receive), return_when=asyncio.FIRST_COMPLETED)
            for task in (rejoin, receive):
                if task.done():
                    task.result()  # both run for ever, so one that is done has failed
        finally:
            for task in (rejoin, receive):
                task.cancel()
            await asyncio.gather(rejoin, receive, return_exceptions=True)
            await layer.group_discard(group_name(self.symbol), channel)

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            if self._away:
                self._away = False
                log.warning("%s: the relay hears the channel layer again", self.symbol)
            self.take(message)

    async def _stay(self, layer: Any, channel: str) -> None:
        while True:
            await layer.group_add(group_name(self.symbol), channel)
            self.joined.set()
            await asyncio.sleep(_REJOIN_SECONDS)


def _some(past: Iterator[Moment | Loss]) -> list[Moment | Loss]:
    return list(islice(past, _BATCH))
