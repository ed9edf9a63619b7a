"""One client of the feed: what it asked for, and how far it was served, live or on the clock of a replay.

No queue is kept per client. It is sent the bars after the last one sent, from the hubs or, once they have left memory,
from the database, as fast as it reads. A slow client therefore loses no bar and costs no memory.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import Error as DatabaseError

from bars.feed.hub import BarHub, Wire, hub_of
from bars.feed.past_feed import PastFeed
from bars.feed.protocol import Command, Connect, Refused, connected, history_end, no_symbol, read_message, refusal
from bars.past.replay import MOST_PAIRS, BarReplay
from bars.past.request import PastBars, past_in_query
from recorder.segment.layout import SYMBOL_PATTERN
from runtime.addresses import Address
from streaming.admitting import replays
from streaming.fanout.stream_client import Send, deliver
from streaming.protocol import CLOSE_UNAVAILABLE, StreamError
from streaming.relay.relays import relays

log = logging.getLogger(__name__)

#: A client with this many unanswered requests is not read.
_MOST_REQUESTS = 8
#: Bars are sent in pieces of at most this many, so that another CONNECT is noticed in between.
_PIECE_BARS = 256
_RETRY_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Pair:
    """A symbol and a resolution of one client; all bars that begin up to `sent_ms` were sent or skipped."""

    hub: BarHub
    resolution: str
    sent_ms: int


class FeedClient:
    """One socket: its subscriptions, and how far it was served. Only `pump` sends."""

    def __init__(self, send: Send, query: dict[str, list[str]], address: Address, *, raw: bool) -> None:
        self._send, self._query, self._address, self._raw = send, query, address, raw
        self._wake = asyncio.Event()
        self._requests: asyncio.Queue[str | bytes] = asyncio.Queue(_MOST_REQUESTS)
        #: Every pair that was subscribed to on this socket: none of its bars is sent twice.
        self._known: dict[tuple[str, str], Pair] = {}
        self._pairs: list[Pair] = []
        #: What is sent in place of live bars; its replay is over once it has caught up with the present.
        self._past: PastFeed | None = None
        self._counted = ExitStack()  # as a replay, while there is one
        #: The replay that the address asks for is over: it has come to the present.
        self._is_live = False

    async def ask(self, data: str | bytes) -> None:
        """Take a message of the client."""
        await self._requests.put(data)
        self._wake.set()

    async def put(self, wire: bytes) -> None:
        await deliver(self._send, wire, raw=self._raw)

    def leave(self) -> None:
        """Stop being notified, and counted."""
        self._watch([])
        self._end_past()

    async def pump(self) -> None:
        """Answer requests and send bars, for ever. Raises StreamError."""
        while True:
            self._wake.clear()
            while not self._requests.empty():
                await self._answer(self._requests.get_nowait())
            if self._past is not None:
                await self._replay(self._past)
                continue
            sent = [await self._send_some(pair) for pair in self._pairs]
            if not any(sent):
                await self._wake.wait()

    async def _answer(self, data: str | bytes) -> None:
        """Carry out a CONNECT. A refused one ends the previous subscriptions, as its client expects."""
        try:
            message = read_message(data, settings.CONFIG.feed_token)
            if isinstance(message, Connect):
                await self._connect(message)
            elif isinstance(message, Command) and self._past is not None:
                await self._past.obey(self._counted_anew(message, self._past))
        except Refused as refused:
            self._watch([])
            self._end_past()
            await self.put(refusal(str(refused)))

    async def _connect(self, connect: Connect) -> None:
        past = connect.past or self._past_of_address()
        hubs = {symbol: hub for symbol in connect.symbols if (hub := await _hub(symbol)) is not None}
        if not hubs:
            raise no_symbol(connect.symbols)
        if past is not None:
            await self._connect_past(connect, past, hubs)
        else:
            await self._connect_live(connect, hubs)

    def _past_of_address(self) -> PastBars | None:
        """What the socket's address asks for. Raises Refused."""
        try:
            return None if self._is_live else past_in_query(self._query)
        except ValueError as error:
            raise Refused(str(error)) from None

    async def _connect_past(self, connect: Connect, past: PastBars, hubs: dict[str, BarHub]) -> None:
        pairs = [(symbol, resolution) for symbol in hubs for resolution in connect.resolutions]
        if len(pairs) > MOST_PAIRS:
            raise Refused(f"a replay may be of {MOST_PAIRS} pairs of symbol and resolution, got {len(pairs)}")
        self._count_replay()
        before = self._past if connect.past is None else None
        replay = before.replay.of(pairs) if before else BarReplay(pairs, past)
        self._watch([])
        self._known.clear()
        self._past = PastFeed(replay, self.put, knows=before.knows if before else connect.past is not None)
        await self.put(_connected(connect, hubs))
        continued = set(before.replay.pairs) if before else set()
        try:
            await self._past.send_history([pair for pair in pairs if pair not in continued], connect.history)
        except DatabaseError as error:
            raise _no_past(error) from None
        await self._tell_history_end(connect)

    def _count_replay(self) -> None:
        """Raises Refused where as many are under way as may be."""
        self._counted.close()
        try:
            self._counted.enter_context(replays().admit(self._address))
        except StreamError as refused:
            raise Refused(refused.detail) from None

    def _counted_anew(self, command: Command, past: PastFeed) -> Command:
        """The command, by which a replay that is over may begin again, if there is room for one more."""
        if not past.replay.ended:
            return command
        try:
            self._count_replay()
        except Refused as refused:
            return replace(command, refused=str(refused))
        return command

    def _end_past(self) -> None:
        self._past = None
        self._counted.close()

    async def _replay(self, past: PastFeed) -> None:
        """Send what is due of the past, and wait until more is, or until the client says something."""
        wait_seconds = await past.step()
        if past.replay.ended:
            self._counted.close()
        if past.replay.caught_up:
            await self._go_live(past)
        elif wait_seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait_seconds == math.inf else wait_seconds):
                    await self._wake.wait()
        else:
            await asyncio.sleep(0)  # for the others: a client that reads fast never makes it wait

    async def _go_live(self, past: PastFeed) -> None:
        """Continue with what closes after the last bar of the replay."""
        pairs = []
        for tape in past.replay.tapes:
            hub = await _hub(tape.symbol)
            if hub is None:
                continue
            await hub.begun.wait()
            pairs.append(Pair(hub, tape.resolution, tape.taken_ms))
        self._known = {(pair.hub.symbol, pair.resolution): pair for pair in pairs}
        self._end_past()
        self._is_live = True
        self._watch(pairs)

    async def _connect_live(self, connect: Connect, hubs: dict[str, BarHub]) -> None:
        for hub in hubs.values():
            await hub.begun.wait()
        self._end_past()
        # From here on every bar that closes is sent, however long it takes to send what comes before it.
        pairs = [self._pair(hub, resolution) for hub in hubs.values() for resolution in connect.resolutions]
        await self.put(_connected(connect, hubs))
        for pair, sent_ms in pairs:
            if connect.history:
                await self._send_past(pair, connect.history, sent_ms)
        await self._tell_history_end(connect)
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
        if sent_ms is not None and sent_ms >= pair.sent_ms:
            return  # nothing is left to read, however often its client asks
        past = await _past(pair, count)
        await self._put([wire for wire in past if sent_ms is None or wire.open_ms > sent_ms])

    async def _tell_history_end(self, connect: Connect) -> None:
        if connect.history_end:
            await self.put(history_end())

    def _watch(self, pairs: list[Pair]) -> None:
        for pair in self._pairs:
            pair.hub.lines[pair.resolution].watchers.discard(self._wake)
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


def _connected(connect: Connect, hubs: dict[str, BarHub]) -> bytes:
    stores = {symbol: hub.store_id for symbol, hub in hubs.items()}
    return connected(connect, stores, [symbol for symbol in connect.symbols if symbol not in hubs])


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
        raise _no_past(error) from None


def _no_past(error: DatabaseError) -> StreamError:
    log.warning("the history of bars cannot be read: %s", error)
    return StreamError("unavailable", "past bars cannot be read now", CLOSE_UNAVAILABLE)
