"""Clients of the two other sockets: the bar feed and the subscribe API."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.soak.child import Book
from tests.soak.wire import Refused, Silent, Socket

CHANNELS = ("market_data", "agent_status", "alerts", "backtest_progress")
_PASSING = ("too_many_connections", "unavailable", "authentication_failed")


@dataclass
class SocketClient:
    """Connects again and again; what it says and checks, its subclasses know."""

    name: str
    ports: list[int]
    symbols: list[str]
    book: Book
    rng: random.Random
    source: str
    over: bool = False
    connections: int = 0

    async def run(self) -> None:
        wait = 0.2
        while not self.over:
            try:
                wait = 0.2 if await self._visit() else min(wait * 2, 5.0)
            except (OSError, TimeoutError, Refused) as error:
                self.book.count(f"{type(self).__name__}: {type(error).__name__}")
                wait = min(wait * 2, 5.0)
            except Silent:
                self.book.violation(self.name, "silence", "not a byte for long")
            await asyncio.sleep(wait * self.rng.uniform(0.5, 1.0))

    async def _visit(self) -> bool:
        socket = await self._open(self.rng.choice(self.ports))
        self.connections += 1
        brought = False
        try:
            await self._begin(socket)
            async for payload in socket.messages():
                brought = self._take(orjson.loads(payload)) or brought
                if self.over:
                    break
        finally:
            socket.close()
            self.book.count(f"{type(self).__name__}: closed {socket.close_code}")
        return brought

    async def _open(self, port: int) -> Socket:
        raise NotImplementedError

    async def _begin(self, socket: Socket) -> None:
        raise NotImplementedError

    def _take(self, message: dict[str, Any]) -> bool:
        """Judge a message; whether it is of use."""
        raise NotImplementedError


@dataclass
class BarClient(SocketClient):
    """Reads bars of some resolutions: on one connection none twice nor backward, over all of them none missing that
    the history could bring, and a bar that comes again is the same."""

    resolutions: list[str] = field(default_factory=lambda: ["1s", "1m"])
    #: By pair: open_time and the rest.
    bars: dict[tuple[str, str], dict[int, tuple[str, ...]]] = field(default_factory=dict)

    async def _open(self, port: int) -> Socket:
        self._last: dict[tuple[str, str], int] = {}
        return await Socket.open(port, "/market_data", source=self.source)

    async def _begin(self, socket: Socket) -> None:
        wanted = {"symbols": self.symbols, "resolutions": self.resolutions, "history": 1000 if self.bars else 0}
        await socket.say(orjson.dumps({"type": "CONNECT", "request_id": str(self.connections), **wanted}))

    def _take(self, message: dict[str, Any]) -> bool:
        if message["type"] == "BAR":
            self._take_bar(message)
        elif message["type"] == "ERROR":
            self.book.count(f"BarClient: {message['message']}")
        elif message.get("unknown_symbols"):
            self.book.violation(self.name, "market not known", message["unknown_symbols"])
        return bool(message["type"] == "BAR")

    def _take_bar(self, bar: dict[str, Any]) -> None:
        pair, time = (bar["symbol"], bar["timeframe"]), bar["open_time"]
        content = tuple(str(bar[name]) for name in ("close_time", "open", "high", "low", "close", "volume"))
        if time <= self._last.get(pair, -1):
            self.book.violation(self.name, "bar repeated", f"{pair} {time} behind {self._last[pair]}")
        self._last[pair] = time
        if self.bars.setdefault(pair, {}).setdefault(time, content) != content:
            self.book.violation(self.name, "bar changed", f"{pair} {time}: {self.bars[pair][time]}, then {content}")


@dataclass
class SubscribeClient(SocketClient):
    """Subscribes to every channel with a token; prices never go back in time, no alert comes twice on a connection."""

    token: str = ""
    heard: dict[str, float] = field(default_factory=dict)

    async def _open(self, port: int) -> Socket:
        self._prices: dict[str, float] = {}
        self._alerts: set[tuple[Any, ...]] = set()
        way = self.rng.randrange(3)
        if way == 0:
            return await Socket.open(port, f"/api/v1/websocket?token={self.token}", source=self.source)
        if way == 1:
            offered = ("bearer", self.token)
            return await Socket.open(port, "/api/v1/websocket", source=self.source, subprotocols=offered)
        headers = {"Authorization": f"Bearer {self.token}"}
        return await Socket.open(port, "/api/v1/websocket", source=self.source, headers=headers)

    async def _begin(self, socket: Socket) -> None:
        for channel, symbol in itertools.product(CHANNELS, [None, *self.symbols][: self.rng.choice((1, 3))]):
            await socket.say(orjson.dumps({"type": "subscribe", "channel": channel, "symbol": symbol}))

    def _take(self, message: dict[str, Any]) -> bool:
        kind = message["type"]
        self.heard[kind] = asyncio.get_running_loop().time()
        if kind == "market_data":
            self._take_price(message["symbol"], message["data"]["timestamp"])
        elif kind == "alerts":
            self._take_alert(message["data"])
        elif kind == "error":
            self.book.count(f"SubscribeClient: refused {message['error']}")
            if message["error"] not in _PASSING:
                self.book.violation(self.name, f"refused: {message['error']}", message["detail"])
        return bool(kind == "market_data")

    def _take_price(self, symbol: str, timestamp: float) -> None:
        if timestamp < self._prices.get(symbol, 0):
            self.book.violation(self.name, "price of the past", f"{symbol} {timestamp} behind {self._prices[symbol]}")
        self._prices[symbol] = timestamp

    def _take_alert(self, alert: dict[str, Any]) -> None:
        told = tuple(alert.get(name) for name in ("level", "message", "timestamp", "source"))
        if told in self._alerts:
            self.book.violation(self.name, "alert repeated", str(told))
        self._alerts.add(told)
        self.book.count(f"SubscribeClient: alert {alert['level']}")
