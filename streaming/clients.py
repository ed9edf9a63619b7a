"""One stream client: its outbox, and the task that empties it into the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from streaming.outbox import Bundle, Outbox
from streaming.protocol import control, gap, messages_in, websocket_frame

#: Data is handed to the socket in pieces of about this size, so that one slow client holds one piece, not its outbox.
_PIECE_BYTES = 64 * 1024

#: A client that was sent nothing for so long gets a heartbeat.
HEARTBEAT_SECONDS = 30.0

Send = Callable[[dict[str, Any]], Awaitable[None]]


class StreamClient:
    """Takes bundles without waiting; `pump` sends them as fast as the client reads."""

    def __init__(self, send: Send, outbox_bytes: int, *, raw: bool) -> None:
        self._send, self._raw = send, raw
        self._outbox = Outbox(outbox_bytes, _tell_gap)
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.sent_at = self._loop.time()

    def offer(self, bundle: Bundle) -> None:
        self._outbox.offer(bundle)
        self._wake.set()

    def tell(self, wire: bytes) -> None:
        """Queue a control message, framed."""
        self._outbox.control(wire)
        self._wake.set()

    def beat(self, t: int) -> None:
        """A heartbeat, if nothing else was sent for long."""
        if not self._outbox and self._loop.time() - self.sent_at >= HEARTBEAT_SECONDS:
            self.tell(websocket_frame(control("heartbeat", t=t)))

    async def pump(self) -> None:
        """Send what waits, for ever. Ends with the exception of a send that failed."""
        while True:
            while self._outbox:
                wire = self._outbox.take(_PIECE_BYTES)
                self.sent_at = self._loop.time()
                await self._put(wire)
            self._wake.clear()
            await self._wake.wait()

    async def _put(self, wire: bytes) -> None:
        if self._raw:
            await self._send({"type": "websocket.send", "market_camera.frames": wire})
            return
        for payload, binary in messages_in(wire):
            message = {"bytes": payload} if binary else {"text": payload.decode()}
            await self._send({"type": "websocket.send", **message})


def _tell_gap(kind: str, from_t: int, to_t: int) -> bytes:
    return websocket_frame(gap(kind, from_t, to_t, "slow"))
