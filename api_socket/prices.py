"""Prices: the running day of each market, sent to its subscribers at most ten times a second."""

from __future__ import annotations

import asyncio
from typing import Any

from api_socket.hub import SubscriberHub, offer_to
from api_socket.price_throttle import PriceThrottle
from api_socket.protocol import Topic
from api_socket.subscriber import Subscriber
from streaming.protocol import json_frame

CHANNEL = "market_data"

#: Ten messages a second.
SLOT_SECONDS = 0.1


class Ticker:
    """One symbol: its newest day, encoded once per slot for all recipients. For the loop's thread."""

    def __init__(self, symbol: str, hub: SubscriberHub) -> None:
        self._symbol, self._hub = symbol, hub
        self._throttle = PriceThrottle(SLOT_SECONDS)
        self._loop = asyncio.get_running_loop()
        self._day: dict[str, Any] | None = None
        self._store: str | None = None
        self._t = -1
        self._is_new = False
        #: Those who are sent the newest day with the next slot; empty once that has come.
        self._newcomers: set[Subscriber] = set()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, message: dict[str, Any]) -> None:
        """A message of the market's group: `seen.bars.day` is its running day, if it carries a tick.

        After a crash a market makes its last ticks again: their content is known.
        """
        day = ((message.get("seen") or {}).get("bars") or {}).get("day")
        if day is not None and self._is_newer((message.get("status") or {}).get("store"), message["t"]):
            self._day, self._is_new = day, True
            self._send_when_free()

    def _is_newer(self, store: str | None, t: int) -> bool:
        """Note a t; returns whether it is later than all before, in the same store."""
        newer = t > self._t or store != self._store
        if newer:
            self._store, self._t = store, t
        return newer

    def greet(self, subscriber: Subscriber) -> None:
        """Send a new subscriber the newest day as soon as there is a slot, even if no further tick arrives.

        While there is no day, nobody waits here: the first one is sent to the whole audience.
        """
        if self._day is not None:
            self._newcomers.add(subscriber)
            self._send_when_free()

    def forget(self, subscriber: Subscriber) -> None:
        self._newcomers.discard(subscriber)

    def _send_when_free(self) -> None:
        if self._timer is not None:
            return
        wait_seconds = self._throttle.wait_seconds(self._loop.time())
        if wait_seconds > 0:
            self._timer = self._loop.call_later(wait_seconds, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._timer = None
        self._throttle.take(self._loop.time())
        audience = self._hub.audience(CHANNEL, self._symbol) if self._is_new else self._newcomers
        if audience:
            offer_to(audience, CHANNEL, self._symbol, price_message(self._symbol, self._day))
        self._is_new = False
        self._newcomers = set()


def price_message(symbol: str, day: dict[str, Any] | None) -> bytes:
    """The price of a symbol, with figures of its day."""
    return json_frame({"type": CHANNEL, "symbol": symbol, "data": day})


class Prices:
    """The tickers of all markets."""

    def __init__(self, hub: SubscriberHub) -> None:
        self._hub = hub
        self._tickers: dict[str, Ticker] = {}

    def follow(self, symbol: str) -> Ticker:
        """The ticker of a market, created if there is none."""
        return self._tickers.setdefault(symbol, Ticker(symbol, self._hub))

    def greet(self, subscriber: Subscriber, topic: Topic) -> None:
        for symbol, ticker in self._tickers.items():
            if topic.symbol in (None, symbol):
                ticker.greet(subscriber)

    def forget(self, subscriber: Subscriber, topic: Topic) -> None:
        """The subscriber has left a topic: remove the prices of its symbols that wait."""
        for symbol, ticker in self._tickers.items():
            if topic.symbol in (None, symbol) and not subscriber.topics & {Topic(CHANNEL), Topic(CHANNEL, symbol)}:
                ticker.forget(subscriber)
                subscriber.withdraw((CHANNEL, symbol))
