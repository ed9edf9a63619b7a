"""One subscriber: its topics, its outbox, and the task that sends the outbox to the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from api_socket.errors import SubscribeError, TooSlow
from api_socket.outbox import SubscriberOutbox
from api_socket.protocol import Topic
from streaming.fanout.stream_client import Send, deliver

_PIECE_BYTES = 64 * 1024

#: While more than this waits for a client, its messages are not read, so that answers do not pile up.
_UNREAD_BYTES = 64 * 1024


class Subscriber:
    """A subscriber. All methods are for the loop's thread, and none but `pump` and `room` waits.

    `ended` receives the SubscribeError with which this side ends the connection.
    """

    def __init__(self, send: Send, token: int, most_bytes: int, *, raw: bool) -> None:
        self._send, self._most_bytes, self._raw = send, most_bytes, raw
        loop = asyncio.get_running_loop()
        self.token = token
        self.topics: set[Topic] = set()
        self.heard_at = loop.time()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._outbox = SubscriberOutbox()
        self._wake, self._room = asyncio.Event(), asyncio.Event()

    @property
    def waiting(self) -> int:
        """The number of messages that wait for the client."""
        return len(self._outbox)

    @property
    def waiting_bytes(self) -> int:
        """The bytes of these."""
        return self._outbox.bytes

    def tell(self, wire: bytes) -> None:
        """Queue a message that must arrive: an answer or an alert."""
        self._outbox.put(wire)
        self._queued()

    def offer(self, key: Hashable, wire: bytes) -> None:
        """Queue a message that a newer one of the same key may replace."""
        self._outbox.replace(key, wire)
        self._queued()

    def withdraw(self, key: Hashable) -> None:
        """Remove the message that waits under a key: the client does not want it any more."""
        self._outbox.discard(key)

    def end(self, why: SubscribeError) -> None:
        if not self.ended.done():
            self.ended.set_exception(why)

    def clear(self) -> None:
        """The connection is over: remove everything that waits."""
        self._outbox = SubscriberOutbox()
        if not self.ended.cancel() and not self.ended.cancelled():
            self.ended.exception()  # read or not, it counts as read

    async def room(self) -> None:
        """Wait until the client has read most of what it was sent."""
        while self._outbox.bytes > _UNREAD_BYTES:
            self._room.clear()
            await self._room.wait()

    async def pump(self) -> None:
        """Send waiting messages, for ever. Ends with the exception of a send that failed."""
        while True:
            while self._outbox:
                await deliver(self._send, self._outbox.take(_PIECE_BYTES), raw=self._raw)
                self._room.set()
            self._wake.clear()
            await self._wake.wait()

    def _queued(self) -> None:
        self._wake.set()
        if self._outbox.bytes > self._most_bytes:
            self.end(TooSlow(self._outbox.bytes, self._most_bytes))
