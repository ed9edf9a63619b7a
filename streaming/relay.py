"""The relay: this process's one member in a market's group, its ring, and the fan-out to local clients.

Why one member a process and not one a client: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from recorder.models import Market
from streaming.feed import Client, Feed
from streaming.protocol import CLOSE_NOT_FOUND, Moment, Options, StreamError, gap, websocket_frame
from streaming.ring import Ring

log = logging.getLogger(__name__)

#: The in-memory layer ends a membership after a day and evicts a member that read too late; joining again is harmless.
_REJOIN_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_BEAT_SECONDS = 1.0


def group_name(symbol: str) -> str:
    """The channel group of a market. Symbols hold only characters that group names may hold."""
    return f"market.{symbol}"


class Relay:
    """One market, seen from this process."""

    def __init__(self, symbol: str, ring_ticks: int, ring_bytes: int) -> None:
        self.symbol = symbol
        self.ring = Ring(ring_ticks, ring_bytes)
        self.status: dict[str, Any] | None = None
        self.heard_at: float | None = None
        self.holes = 0
        self.joined = asyncio.Event()
        self._feeds: dict[Options, Feed] = {}

    def subscribe(self, client: Client, options: Options) -> None:
        """From now on the client is offered every moment; first the newest message of each kind."""
        feed = self._feeds.setdefault(options, Feed(options))
        feed.clients.add(client)
        newest = feed.newest(self.ring)
        if newest is not None:
            client.offer(newest)

    def unsubscribe(self, client: Client, options: Options) -> None:
        feed = self._feeds.get(options)
        if feed is None:
            return
        feed.clients.discard(client)
        if not feed.clients:
            del self._feeds[options]

    def beat(self) -> None:
        """A sign of life for clients that heard nothing for long."""
        t = -1 if self.ring.last_t is None else self.ring.last_t
        for feed in self._feeds.values():
            for client in feed.clients:
                client.beat(t)

    def take(self, message: dict[str, Any]) -> None:
        """A message of the group: a moment, or the pipeline's word of how it fares."""
        self.heard_at = time.monotonic()
        self.status = message["status"]
        if message["tick"] is not None:
            self.pass_on(Moment(message["t"], message["tick"], message["metric"], message["frame"]))

    def pass_on(self, moment: Moment) -> None:
        """Keep a moment and hand it to every client; one that is known already is dropped."""
        last = self.ring.last_t
        if last is not None and moment.t <= last:
            return
        if last is not None and moment.t > last + 1:
            self._tell_hole(last + 1, moment.t - 1)
        self.ring.append(moment)
        for feed in self._feeds.values():
            feed.send(moment)

    def _tell_hole(self, from_t: int, to_t: int) -> None:
        self.holes += 1
        for feed in self._feeds.values():
            for kind in feed.options.types:
                wire = websocket_frame(gap(kind, from_t, to_t, "lost"))
                for client in feed.clients:
                    client.tell(wire)

    async def listen(self) -> None:
        """Stay in the group and pass on what comes, until cancelled; a layer that fails is tried again."""
        layer = get_channel_layer()
        while True:
            try:
                await self._listen(layer)
            except Exception:  # whatever the layer's broker raises: this market's clients depend on the next try
                log.exception("the relay of %s lost the channel layer, trying again", self.symbol)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, layer: Any) -> None:
        channel = await layer.new_channel("relay")
        rejoin = asyncio.create_task(self._stay(layer, channel))
        try:
            while True:
                self.take(await layer.receive(channel))
        finally:
            rejoin.cancel()
            await layer.group_discard(group_name(self.symbol), channel)

    async def _stay(self, layer: Any, channel: str) -> None:
        while True:
            await layer.group_add(group_name(self.symbol), channel)
            self.joined.set()
            await asyncio.sleep(_REJOIN_SECONDS)


class Relays:
    """The relays of this process, one a market."""

    def __init__(self) -> None:
        self._relays: dict[str, Relay] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begin to listen to every known market, so that its ring is full when somebody asks."""
        await self.get(settings.CONFIG.symbol)
        async for symbol in Market.objects.values_list("symbol", flat=True):
            self._open(symbol)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._relays.clear()

    async def get(self, symbol: str | None = None) -> Relay:
        """The relay of a market, by default of the one IG_SYMBOL names. Raises StreamError if there is none."""
        symbol = symbol or settings.CONFIG.symbol
        if symbol not in self._relays:
            if symbol != settings.CONFIG.symbol and not await Market.objects.filter(symbol=symbol).aexists():
                raise StreamError("unknown_symbol", f"there is no market {symbol!r}", CLOSE_NOT_FOUND)
            self._open(symbol)
        return self._relays[symbol]

    def all(self) -> list[Relay]:
        return list(self._relays.values())

    def _open(self, symbol: str) -> None:
        if symbol in self._relays:
            return
        relay = Relay(symbol, settings.CONFIG.ring_ticks, settings.CONFIG.ring_bytes)
        self._relays[symbol] = relay
        self._run(f"relay {symbol}", relay.listen())
        if "beat" not in self._tasks:
            self._run("beat", self._beat())

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.get_running_loop().create_task(work, name=name)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for relay in self._relays.values():
                relay.beat()


relays = Relays()
