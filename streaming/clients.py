"""One stream client: its outbox, and the task that empties it into the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from streaming.outbox import Bundle, Outbox
from streaming.protocol import messages_in

#: Data is handed to the socket in pieces of about this size, so that one slow client holds one piece, not its outbox.
_PIECE_BYTES = 64 * 1024

#: A client that was sent nothing for so long gets a heartbeat.
HEARTBEAT_SECONDS = 30.0

Send = Callable[[dict[str, Any]], Awaitable[None]]


class StreamClient:
    """Takes bundles without waiting; `pump` sends them as fast as the client reads."""

    def __init__(self, send: Send, outbox_bytes: int, tell_gap: Callable[[str, int, int], bytes], *, raw: bool) -> None:
        self._send, self._raw = send, raw
        self._outbox = Outbox(outbox_bytes, tell_gap)
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.sent_at = self._loop.time()
        #: A client that resumes ahead of its market gets nothing up to here.
        self.skip_until = -1

    def offer(self, bundle: Bundle) -> None:
        if bundle.items[-1].to_t <= self.skip_until:
            return
        self._outbox.offer(bundle)
        self._wake.set()

    def tell(self, wire: bytes) -> None:
        """Queue a control message, framed."""
        self._outbox.control(wire)
        self._wake.set()

    @property
    def lost(self) -> int:
        """How many messages were not sent because the client was too slow."""
        return self._outbox.lost

    def is_quiet(self) -> bool:
        """Whether nothing was sent for long and nothing waits."""
        return not self._outbox and self._loop.time() - self.sent_at >= HEARTBEAT_SECONDS

    async def pump(self) -> None:
        """Send what waits, for ever. Ends with the exception of a send that failed."""
        while True:
            while self._outbox:
                wire = self._outbox.take(_PIECE_BYTES)
                await self.put(wire)
            self._wake.clear()
            await self._wake.wait()

    async def put(self, wire: bytes) -> None:
        """Send framed messages now; waits while the client's buffer is full."""
        self.sent_at = self._loop.time()
        if self._raw:
            await self._send({"type": "websocket.send", "market_camera.frames": wire})
            return
        for payload, binary in messages_in(wire):
            message = {"bytes": payload} if binary else {"text": payload.decode()}
            await self._send({"type": "websocket.send", **message})
