"""The socket `/market_data`: after CONNECT a client gets the bars of its symbols and resolutions as they close.

No queue is kept per client. It is sent the bars after the last one sent, from the hubs or, once they have left memory,
from the database, as fast as it reads. A slow client therefore loses no bar and costs no memory.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from bars.feed.hub import BarHub, Wire, hub_of
from bars.feed.protocol import Connect, Refused, connected, no_symbol, read_message, refusal
from recorder.segment.layout import SYMBOL_PATTERN
from streaming.admitting import admitted
from streaming.fanout.stream_client import Send, deliver
from streaming.limits import CLOSE_TOO_LARGE, MESSAGES_A_SECOND, talk_rate
from streaming.protocol import CLOSE_LIMIT, CLOSE_UNAVAILABLE, FRAMES, StreamError
from streaming.relay.relays import relays

log = logging.getLogger(__name__)

_MOST_MESSAGE_BYTES = 64 * 1024
#: A client with this many unanswered requests is not read.
_MOST_REQUESTS = 8
#: Bars are sent in pieces of at most this many, so that another CONNECT is noticed in between.
_PIECE_BARS = 256
_RETRY_SECONDS = 0.5


async def market_data(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Serve one client of `/market_data` from its first message to its last."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    client = FeedClient(send, raw=FRAMES in (scope.get("extensions") or {}))
    try:
        with admitted(scope):
            await _serve(client, receive)
    except StreamError as refused:
        if refused.code == "too_many_connections":
            await client.put(refusal(refused.detail))
        await send({"type": "websocket.close", "code": refused.close, "reason": refused.detail})
    finally:
        client.leave()


async def _serve(client: FeedClient, receive: Any) -> None:
    tasks = [asyncio.create_task(client.pump()), asyncio.create_task(_listen(client, receive))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _listen(client: FeedClient, receive: Any) -> None:
    """Pass on the client's messages until it leaves. Raises StreamError for too many of them."""
    loop = asyncio.get_running_loop()
    rate = talk_rate(loop.time())
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("text") or message.get("bytes") or ""
        if len(data) > _MOST_MESSAGE_BYTES:
            detail = f"a message may have {_MOST_MESSAGE_BYTES} bytes here, got {len(data)}"
            raise StreamError("message_too_large", detail, CLOSE_TOO_LARGE)
        if not rate.allows(loop.time()):
            detail = f"at most {MESSAGES_A_SECOND:g} messages a second are read here"
            raise StreamError("rate_limited", detail, CLOSE_LIMIT)
        await client.ask(data)


@dataclass(slots=True, eq=False)
class Pair:
    """A symbol and a resolution of one client; all bars that begin up to `sent_ms` were sent or skipped."""

    hub: BarHub
    resolution: str
    sent_ms: int


class FeedClient:
    """One socket: its subscriptions, and how far it was served. Only `pump` sends."""

    def __init__(self, send: Send, *, raw: bool) -> None:
        self._send, self._raw = send, raw
        self._wake = asyncio.Event()
        self._requests: asyncio.Queue[str | bytes] = asyncio.Queue(_MOST_REQUESTS)
        #: Every pair that was subscribed to on this socket: none of its bars is sent twice.
        self._known: dict[tuple[str, str], Pair] = {}
        self._pairs: list[Pair] = []

    async def ask(self, data: str | bytes) -> None:
        """Take a message of the client."""
        await self._requests.put(data)
        self._wake.set()

    async def put(self, wire: bytes) -> None:
        await deliver(self._send, wire, raw=self._raw)

    def leave(self) -> None:
        """Stop being notified."""
        for pair in self._pairs:
            pair.hub.lines[pair.resolution].watchers.discard(self._wake)

    async def pump(self) -> None:
        """Answer requests and send bars, for ever. Raises StreamError."""
        while True:
            self._wake.clear()
            while not self._requests.empty():
                await self._answer(self._requests.get_nowait())
            sent = [await self._send_some(pair) for pair in self._pairs]
            if not any(sent):
                await self._wake.wait()

    async def _answer(self, data: str | bytes) -> None:
        """Carry out a CONNECT. A refused one ends the previous subscriptions, as its client expects."""
        try:
            connect = read_message(data, settings.CONFIG.feed_token)
            if connect is not None:
                await self._connect(connect)
        except Refused as refused:
            self._watch([])
            await self.put(refusal(str(refused)))

    async def _connect(self, connect: Connect) -> None:
        hubs = {symbol: hub for symbol in connect.symbols if (hub := await _hub(symbol)) is not None}
        if not hubs:
            raise no_symbol(connect.symbols)
        for hub in hubs.values():
            await hub.begun.wait()
        # From here on every bar that closes is sent, however long it takes to send what comes before it.
        pairs = [self._pair(hub, resolution) for hub in hubs.values() for resolution in connect.resolutions]
        unknown = [symbol for symbol in connect.symbols if symbol not in hubs]
        await self.put(connected(connect, hubs, unknown))
        for pair, sent_ms in pairs:
            if connect.history:
                await self._send_past(pair, connect.history, sent_ms)
        self._watch([pair for pair, _ in pairs])

    def _pair(self, hub: BarHub, resolution: str) -> tuple[Pair, int | None]:
        """The pair, which continues if it is being served, and otherwise starts now.

        Also returns how far this socket was sent its bars before, None for not at all.
        """
        newest_ms = hub.lines[resolution].newest_ms
        pair = self._known.get((hub.symbol, resolution))
        if pair is None:
            pair = self._known[hub.symbol, resolution] = Pair(hub, resolution, newest_ms)
            return pair, None
        sent_ms = pair.sent_ms
        if pair not in self._pairs:
            pair.sent_ms = max(sent_ms, newest_ms)
        return pair, sent_ms

    async def _send_past(self, pair: Pair, count: int, sent_ms: int | None) -> None:
        """Send the last bars up to where the pair begins, without those that this socket was sent."""
        past = await _past(pair, count)
        await self._put([wire for wire in past if sent_ms is None or wire.open_ms > sent_ms])

    def _watch(self, pairs: list[Pair]) -> None:
        self.leave()
        self._pairs = pairs
        for pair in pairs:
            pair.hub.lines[pair.resolution].watchers.add(self._wake)

    async def _send_some(self, pair: Pair) -> bool:
        """Send the bars after the last one of a pair; returns whether there were any."""
        if pair.hub.over:
            raise StreamError("unavailable", "the feed starts anew, connect again", CLOSE_UNAVAILABLE)
        line = pair.hub.lines[pair.resolution]
        if line.newest_ms <= pair.sent_ms:
            return False
        if pair.sent_ms < line.floor_ms:
            return await self._send_stored(pair)
        wires = line.after(pair.sent_ms)[:_PIECE_BARS]
        await self._put(wires)
        pair.sent_ms = wires[-1].open_ms
        return True

    async def _send_stored(self, pair: Pair) -> bool:
        """Send bars that have left memory; if the database does not have them yet, check again in a while."""
        try:
            wires, up_to_ms = await pair.hub.behind(pair.resolution, pair.sent_ms)
        except DatabaseError as error:
            log.warning("%s: bars cannot be read for a client that is behind: %s", pair.hub.symbol, error)
            wires, up_to_ms = [], pair.sent_ms
        await self._put(wires)
        moved, pair.sent_ms = up_to_ms > pair.sent_ms, up_to_ms
        if not moved:
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._wake.set)
        return moved

    async def _put(self, wires: list[Wire]) -> None:
        if wires:
            await self.put(b"".join(wire.text for wire in wires))


async def _hub(symbol: str) -> BarHub | None:
    """The hub of a market, None if there is no such market. Raises StreamError if that is unknown."""
    if not SYMBOL_PATTERN.fullmatch(symbol):
        return None
    try:
        return hub_of(await relays.get(symbol))
    except StreamError as error:
        if error.close == CLOSE_UNAVAILABLE:
            raise
        return None


async def _past(pair: Pair, count: int) -> list[Wire]:
    """Raises StreamError while the database is unavailable: the client tries again."""
    try:
        return await pair.hub.history(pair.resolution, count, pair.sent_ms)
    except DatabaseError as error:
        log.warning("%s: the history of bars cannot be read: %s", pair.hub.symbol, error)
        raise StreamError("unavailable", "past bars cannot be read now", CLOSE_UNAVAILABLE) from None
