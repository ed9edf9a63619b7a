"""The relays of this process, one a market, and what keeps them going."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from recorder.format import market_dir
from recorder.history import History
from recorder.models import Market
from recorder.rows import reading
from streaming.feed import Feed
from streaming.options import Options
from streaming.protocol import CLOSE_LIMIT, CLOSE_NOT_FOUND, CLOSE_UNAVAILABLE, StreamError
from streaming.relay import Relay

log = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0

#: Each set of options is prepared once a message, so their number bounds the work of a process.
MOST_OPTION_SETS = 64


class Relays:
    """Opens a relay for every market that is asked for."""

    def __init__(self) -> None:
        self._relays: dict[str, Relay] = {}
        #: Called with each relay that is opened from now on.
        self.on_open: list[Callable[[Relay], None]] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Start, and stay; raises what a relay died of, which ends the server."""
        await self.start()
        await self.watch()

    async def watch(self) -> None:
        """Wait for ever; raises what a relay died of."""
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._failed)

    async def start(self, *, at_rest: bool = False) -> None:
        """Begin to listen to every known market, so that its ring is full when somebody asks.

        `at_rest`: the pipeline of the default market is in this process and waits for this.
        """
        self._open(settings.CONFIG.symbol, at_rest=at_rest)
        try:
            symbols = await asyncio.to_thread(reading, lambda: list(Market.objects.values_list("symbol", flat=True)))
        except DatabaseError as error:
            log.error("the database cannot be asked for markets, others are found when asked for: %s", error)
            return
        for symbol in symbols:
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
            if symbol != settings.CONFIG.symbol and not await self._exists(symbol):
                raise StreamError("unknown_symbol", f"there is no market {symbol!r}", CLOSE_NOT_FOUND)
            self._open(symbol)
        return self._relays[symbol]

    def store_id(self, symbol: str | None) -> str | None:
        """The id of a market's recording (None is the default market), where it is known here already."""
        relay = self._relays.get(symbol or settings.CONFIG.symbol)
        return None if relay is None else relay.store_id

    async def _exists(self, symbol: str) -> bool:
        try:
            return await asyncio.to_thread(reading, Market.objects.filter(symbol=symbol).exists)
        except DatabaseError as error:
            log.error("the database cannot be asked for the market %s: %s", symbol, error)
            detail = f"whether there is a market {symbol!r} cannot be told now"
            raise StreamError("unavailable", detail, CLOSE_UNAVAILABLE) from None

    def feed(self, relay: Relay, options: Options) -> Feed:
        """The feed of a set of options at a market. Raises StreamError where there are too many sets already."""
        sets = {one for other in self._relays.values() for one in other.feeds}
        if options not in sets and len(sets) >= MOST_OPTION_SETS:
            detail = f"{MOST_OPTION_SETS} different sets of options are being served, the most a process takes"
            raise StreamError("too_many_options", detail, CLOSE_LIMIT)
        return relay.feed(options)

    def all(self) -> list[Relay]:
        return list(self._relays.values())

    def _open(self, symbol: str, *, at_rest: bool = False) -> None:
        if symbol in self._relays:
            return
        config = settings.CONFIG
        history = History(symbol, market_dir(config.store_dir, symbol, config.symbol))
        relay = Relay(history, config.ring_ticks, config.ring_bytes, config.flush_seconds)
        self._relays[symbol] = relay
        for opened in self.on_open:
            opened(relay)
        self._run(f"relay {symbol}", relay.listen())
        self._run(f"fill {symbol}", self._fill(relay, at_rest))
        if "beat" not in self._tasks:
            self._run("beat", self._beat())

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log.critical("%s ended", task.get_name(), exc_info=error)
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _fill(self, relay: Relay, at_rest: bool) -> None:
        await relay.joined.wait()
        await relay.filling.fill(at_rest=at_rest)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for relay in self._relays.values():
                relay.beat()


relays = Relays()
