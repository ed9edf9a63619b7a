"""One stream client: its outbox, and the task that empties it into the socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streaming.fanout.outbox import Bundle, Outbox
from streaming.measured import StreamCounts
from streaming.protocol import FRAMES, messages_in

#: Data is handed to the socket in pieces of about this size, so that one slow client holds one piece, not its outbox.
PIECE_BYTES = 64 * 1024

#: A client that was sent nothing for this long gets a heartbeat.
HEARTBEAT_SECONDS = 30.0

#: A client with this many bytes of unread answers gets no more: pings cost nothing, and pongs would pile up for ever.
_MOST_OWED_BYTES = 4096

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outlet:
    """The way to one client.

    `put` sends encoded messages, and waits while the client's buffer is full. `write` sends them at once, or returns
    False if there is no room: a client that keeps up gets its messages in this way, without a task in between.
    """

    put: Callable[[bytes], Awaitable[None]]
    write: Callable[[bytes], bool] | None = None
    #: A client that was sent nothing for this long gets a heartbeat.
    heartbeat_seconds: float = HEARTBEAT_SECONDS


def socket_outlet(send: Send, extension: Mapping[str, Any] | None) -> Outlet:
    """The way over a WebSocket; `extension` is the server's for ready-made frames, if it offers one."""
    raw = extension is not None
    return Outlet(lambda wire: deliver(send, wire, raw=raw), (extension or {}).get("write"))


async def deliver(send: Send, wire: bytes, *, raw: bool) -> None:
    """Send framed messages: as they are (`raw`) to a server that takes ready frames, one by one to another."""
    if raw:
        await send({"type": "websocket.send", FRAMES: wire})
        return
    for payload, binary in messages_in(wire):
        message = {"bytes": payload} if binary else {"text": payload.decode()}
        await send({"type": "websocket.send", **message})


class StreamClient:
    """Takes bundles without waiting; `pump` sends them as fast as the client reads."""

    def __init__(
        self,
        outlet: Outlet,
        outbox_bytes: int,
        tell_gap: Callable[[str, int, int], bytes],
        counts: StreamCounts | None = None,
    ) -> None:
        self.counts = counts or StreamCounts()
        self._put, self._write, self._heartbeat_seconds = outlet.put, outlet.write, outlet.heartbeat_seconds
        self._sending = False
        self._ample_bytes = outbox_bytes // 2
        self._outbox = Outbox(outbox_bytes, tell_gap)
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.sent_at = self._loop.time()
        #: A client that resumes ahead of its market gets nothing up to here.
        self.skip_until = -1
        self.resumed = False
        #: The recording whose messages it gets, the one that it was told of last; None if it is unknown.
        self.store_id: str | None = None
        #: Set when the market has another recording, and the client must start over.
        self.moved = asyncio.Event()
        #: Done when the stream fails for the client, which has to connect again and resume.
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._idle = asyncio.Event()

    @property
    def position(self) -> int:
        return self.skip_until

    def move(self, store_id: str) -> None:
        """The market has another store, which the client is told; nothing of it has been sent yet."""
        self.skip_until, self.store_id = -1, store_id
        self.moved.set()

    def offer(self, bundle: Bundle) -> bool:
        if bundle.items[-1].to_t <= self.skip_until:
            return False
        if self._write is not None and not self._sending and not self._outbox and self._write(bundle.wire):
            self.sent_at = self._loop.time()
            return True
        lost_before = self._outbox.lost
        self._outbox.offer(bundle)
        self.counts.dropped += self._outbox.lost - lost_before
        self._idle.clear()
        self._wake.set()
        return False

    def tell(self, wire: bytes) -> None:
        """Queue a control message, framed."""
        self._outbox.control(wire)
        self._idle.clear()
        self._wake.set()

    def has_room(self) -> bool:
        """Whether the client keeps up: its outbox is at most half full."""
        return self._outbox.bytes <= self._ample_bytes

    def is_owed_much(self) -> bool:
        """Whether more answers wait for the client than a client that reads would leave."""
        return self._outbox.control_bytes > _MOST_OWED_BYTES

    @property
    def waiting_bytes(self) -> int:
        """How much waits in the client's outbox."""
        return self._outbox.bytes

    def is_quiet(self) -> bool:
        """Whether nothing was sent for long and nothing waits."""
        return not self._outbox and self.quiet_left_seconds() <= 0

    def quiet_left_seconds(self) -> float:
        """How much longer nothing may be sent."""
        return self.sent_at + self._heartbeat_seconds - self._loop.time()

    def end(self) -> None:
        """End the connection after what was sent last."""
        if not self.ended.done():
            self.ended.set_result(None)

    def forget(self) -> None:
        """Send nothing of what waits but control messages."""
        self._outbox.clear()

    async def pump(self) -> None:
        """Send what waits, for ever. Ends with the exception of a send that failed."""
        while True:
            while self._outbox:
                wire = self._outbox.take(PIECE_BYTES)
                self._sending = True  # a direct write meanwhile would overtake it
                await self.put(wire)
                self._sending = False
                self._note_lag()
            self._idle.set()
            self._wake.clear()
            await self._wake.wait()

    def _note_lag(self) -> None:
        made_at, self._outbox.taken_made_at = self._outbox.taken_made_at, None
        if made_at is not None:
            self.counts.behind.observe(time.time() - made_at)

    async def emptied(self) -> None:
        """Wait until everything that was offered is sent."""
        while self._outbox or self._sending:
            await self._idle.wait()

    async def put(self, wire: bytes) -> None:
        """Send framed messages now; waits while the client's buffer is full."""
        if not wire:
            return
        self.sent_at = self._loop.time()
        await self._put(wire)
