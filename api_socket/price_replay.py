"""The past of one subscription to prices: each second of market time as it closes on the clock of a replay."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress

from django.db import Error as DatabaseError

from api_socket import protocol
from api_socket.price_throttle import PriceThrottle
from api_socket.prices import SLOT_SECONDS, price_message
from api_socket.protocol import Control, Topic
from api_socket.subscriber import Subscriber
from bars.making.ohlcv import Merger, Ohlcv
from bars.making.resolutions import period_start
from bars.past.replay import BarReplay
from bars.past.row import Happening
from bars.reading import closed_bars
from runtime import pools

log = logging.getLogger(__name__)

_PIECE_BARS = 128
_RETRY_SECONDS = 0.5


class Day:
    """The UTC day of one market, up to some second of it."""

    def __init__(self) -> None:
        self._merger = Merger("1d")

    def take(self, bar: Ohlcv) -> None:
        """A further bar of it, or of the next day."""
        self._merger.close_before(bar.open_ms)
        self._merger.take(bar)

    def data(self, at_ms: int) -> dict[str, float] | None:
        """What a message says of it; None without any bar."""
        day = self._merger.bar
        if day is None:
            return None
        opened, high, low, price = day.prices_of_ticks
        figures = {"price": price, "open": opened, "high": high, "low": low, "volume": day.volume}
        return {"timestamp": at_ms / 1000, **figures}


class PriceReplay:
    """Tells a subscriber the prices of a topic's markets; at most ten a second of each, the newest wins.

    What it is told has an order, so none of it is replaced later; the clock waits while too much waits for the client.
    `on_end` is called whenever it has ended, `on_present` once it has come to the present. For the loop's thread.
    """

    def __init__(
        self,
        topic: Topic,
        replay: BarReplay,
        subscriber: Subscriber,
        on_end: Callable[[], None],
        on_present: Callable[[], None],
    ) -> None:
        self.topic, self._replay, self._subscriber = topic, replay, subscriber
        self._on_end, self._on_present = on_end, on_present
        self._days = {symbol: Day() for symbol, _ in replay.pairs}
        self._closed: dict[str, int] = {}  # symbols with a price to tell, and when it was
        self._throttle = PriceThrottle(SLOT_SECONDS)
        self._wake = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._is_behind = True  # the days are still to be read
        self._is_told_end = False

    @property
    def ended(self) -> bool:
        """Whether it has told all; until it is moved, nothing more comes."""
        return self._replay.ended

    async def run(self) -> None:
        """Tell what is due, until it has come to the present."""
        while True:
            self._wake.clear()
            try:
                wait_seconds = await self._step()
            except DatabaseError as error:
                log.warning("the past cannot be read for a subscriber: %s", error)
                wait_seconds = _RETRY_SECONDS
            if self._replay.caught_up:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait_seconds == math.inf else max(0.0, wait_seconds)):
                    await self._wake.wait()
        self._tell("caught_up")
        self._on_present()

    def obey(self, control: Control) -> None:
        """Pause, play or seek, and say how it stands. Raises ValueError."""
        match control.type:
            case "pause":
                self._replay.pause()
            case "play":
                self._replay.play(control.speed)
            case _:
                self._replay.seek(control.time_ms)
                self._is_behind, self._is_told_end = True, False
        clock = self._replay.clock
        self._tell("replay", speed=clock.speed, paused=clock.paused)
        self._wake.set()

    async def _step(self) -> float:
        """Tell what is due; the seconds until more may be."""
        replay = self._replay
        for symbol, store in replay.moved_stores():
            self._days[symbol] = Day()
            self._tell_gap(symbol, replay.time_ms, reason="store_changed", store=store)
        await self._subscriber.room()
        while self._is_behind:
            await self._catch_up()
        found, wait_seconds = await replay.due(_PIECE_BARS)
        if self._is_behind:
            return 0.0
        for happening in found:
            self._take(happening)
        slot_seconds = self._throttle.wait_seconds(self._now())
        if self._closed and (slot_seconds <= 0 or replay.ended or replay.caught_up):
            self._send()
        if replay.ended and not self._is_told_end:
            self._is_told_end = True
            self._tell("replay_end")
            self._on_end()
        return min(wait_seconds, slot_seconds) if self._closed else wait_seconds

    async def _catch_up(self) -> None:
        self._is_behind = False  # before the wait: a seek meanwhile sets it again
        try:
            await self._read_days()
        except DatabaseError:
            self._is_behind = True
            raise

    async def _read_days(self) -> None:
        """The days as they were where the replay begins: their minutes, and the seconds behind these."""
        self._closed.clear()
        at_ms = self._replay.time_ms
        for symbol in self._days:
            parts = await pools.past_bars.ask_on(lambda s=symbol: _day_until(s, at_ms))  # type: ignore[misc]
            day = self._days[symbol] = Day()
            for bar in parts:
                day.take(bar)
                self._closed[symbol] = bar.close_ms

    def _take(self, happening: Happening) -> None:
        symbol, what = happening.symbol, happening.what
        if isinstance(what, Ohlcv):
            self._days[symbol].take(what)
            self._closed[symbol] = what.close_ms
        else:
            self._tell_gap(symbol, happening.at_ms, reason="lost", from_t=what.from_t, to_t=what.to_t)

    def _send(self) -> None:
        self._throttle.take(self._now())
        for symbol, at_ms in self._closed.items():
            data = self._days[symbol].data(at_ms)
            if data is not None:
                self._subscriber.tell(price_message(symbol, data))
        self._closed.clear()

    def _tell(self, type: str, **facts: float | bool) -> None:
        data = {"timestamp": self._replay.time_ms / 1000, **facts}
        self._subscriber.tell(protocol.of_replay(type, self.topic.symbol, data))

    def _tell_gap(self, symbol: str, at_ms: int, **facts: str | int) -> None:
        self._subscriber.tell(protocol.of_replay("gap", symbol, {"timestamp": at_ms / 1000, **facts}))


def _day_until(symbol: str, at_ms: int) -> list[Ohlcv]:
    """The bars that a day is made of up to a moment in it: hours, minutes, seconds. Raises django.db.Error."""
    day_ms, hour_ms, minute_ms = (period_start(at_ms - 1, resolution) for resolution in ("1d", "1h", "1m"))
    return [
        *closed_bars(symbol, "1h", from_ms=day_ms, to_ms=hour_ms),
        *closed_bars(symbol, "1m", from_ms=hour_ms, to_ms=minute_ms),
        *closed_bars(symbol, "1s", from_ms=minute_ms, to_ms=at_ms),
    ]
