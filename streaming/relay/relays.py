"""The relays of this process, one per market, and how they are kept running.

Why a failed relay is replaced and its clients are closed: docs/architecture.md, "Nothing beside the market ends
it".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError

from recorder.models import Market
from recorder.segment.layout import market_dir
from recorder.tape.history import History
from runtime import pools
from runtime.db_threads import reading
from runtime.supervision import supervisor
from streaming.fanout.feed import Feed
from streaming.options import Options
from streaming.protocol import CLOSE_NOT_FOUND, CLOSE_UNAVAILABLE, StreamError, recording_headers
from streaming.relay.relay import Relay

log = logging.getLogger(__name__)

#: How long a copy of what is being recorded may take.
_OPEN_COPY_SECONDS = 2.0

_BEAT_SECONDS = 1.0

#: Clients wait for a relay that restarts within this time; otherwise they are refused, to connect again later.
_BEARABLE_SECONDS = 1.0


class Relays:
    """Opens a relay for every market that is requested."""

    def __init__(self) -> None:
        self._relays: dict[str, Relay] = {}
        #: Called with each relay that is opened from now on.
        self.on_open: list[Callable[[Relay], None]] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start listening to every known market, so that its ring is full at the first request."""
        self.open(settings.CONFIG.symbol)
        try:
            symbols = await asyncio.to_thread(reading, lambda: list(Market.objects.values_list("symbol", flat=True)))
        except DatabaseError as error:
            log.error("the database cannot be asked for markets, others are found when asked for: %s", error)
            return
        for symbol in symbols:
            self.open(symbol)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._relays.clear()

    async def get(self, symbol: str | None = None) -> Relay:
        """The relay of a market, by default the one IG_SYMBOL names. Raises StreamError if there is none."""
        symbol = symbol or settings.CONFIG.symbol
        if symbol not in self._relays:
            if symbol != settings.CONFIG.symbol and not await self._exists(symbol):
                raise StreamError("unknown_symbol", f"there is no market {symbol!r}", CLOSE_NOT_FOUND)
            self.open(symbol)
        return self._relays[symbol]

    def known_headers(self, symbol: str | None) -> dict[str, str]:
        """The headers that tell of a market's recording (None is the default market), as far as it is known here."""
        relay = self._relays.get(symbol or settings.CONFIG.symbol)
        return {} if relay is None else recording_headers(relay.store_id, relay.prices)

    async def _exists(self, symbol: str) -> bool:
        try:
            return await pools.lookups.ask(Market.objects.filter(symbol=symbol).exists)
        except pools.Busy as busy:
            raise StreamError("unavailable", str(busy), CLOSE_UNAVAILABLE) from None
        except DatabaseError as error:
            log.error("the database cannot be asked for the market %s: %s", symbol, error)
            detail = f"whether there is a market {symbol!r} cannot be told now"
            raise StreamError("unavailable", detail, CLOSE_UNAVAILABLE) from None

    def failed(self) -> list[str]:
        """The markets whose relay failed and does not restart soon: their clients are refused."""
        return [one for one in self._relays if supervisor.pause_seconds(_name(one)) > _BEARABLE_SECONDS]

    def feed(self, relay: Relay, options: Options) -> Feed:
        """The feed of a set of options at a market. Raises StreamError if a failed relay does not restart soon."""
        self.check(relay)
        return relay.feeds.of(options)

    def check(self, relay: Relay) -> None:
        """Raises StreamError for a failed relay that does not restart soon."""
        if relay.symbol in self.failed():
            raise StreamError("unavailable", f"the stream of {relay.symbol} is starting anew", CLOSE_UNAVAILABLE)

    def all(self) -> list[Relay]:
        return list(self._relays.values())

    def open(self, symbol: str, *, at_rest: bool = False) -> None:
        """Listen to a market from now on. `at_rest`: its pipeline is in this process and waits for the ring."""
        if symbol in self._relays:
            return
        self._make(symbol, at_rest=at_rest)
        self._run(_name(symbol), partial(self._relay, symbol))
        if "heartbeats" not in self._tasks:
            self._run("heartbeats", partial(supervisor.every, _BEAT_SECONDS, "heartbeats", self._beat))

    def _make(self, symbol: str, *, at_rest: bool = False) -> None:
        config = settings.CONFIG
        history = History(symbol, market_dir(config.store_dir, symbol, config.symbol))
        # What is on another machine's disk comes by the bucket.
        late_seconds = config.cold_open_seconds + _OPEN_COPY_SECONDS if history.is_elsewhere() else 0
        flush_seconds = config.flush_seconds + late_seconds
        relay = Relay(history, config.ring_ticks, config.ring_bytes, flush_seconds, at_rest=at_rest)
        self._relays[symbol] = relay
        for opened in self.on_open:
            with supervisor.guarded(f"listener of {symbol}"):
                opened(relay)

    def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        loop, kept = asyncio.get_running_loop(), supervisor.keep(name, work)
        self._tasks[name] = loop.create_task(kept, name=name, context=Context())  # not that of who asked first

    async def _relay(self, symbol: str) -> None:
        """Run the relay of a market; replace it when it fails. Raises its failure."""
        relay = self._relays[symbol]
        try:
            await relay.run()
        except Exception:
            relay.end()
            self._make(symbol)
            raise

    async def _beat(self) -> None:
        for relay in self.all():
            with supervisor.guarded(f"heartbeat of {relay.symbol}"):
                relay.beat()


def _name(symbol: str) -> str:
    return f"relay {symbol}"


relays = Relays()
