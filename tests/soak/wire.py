"""One WebSocket connection over a plain socket, read at a chosen pace from a chosen address.

Written for a hundred connections in one process that costs little: no task and no timer for each message.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

#: A server that has nothing to send sends a heartbeat or a ping in this time, more than twice over.
SILENCE_SECONDS = 90.0
_OPEN_SECONDS = 40.0
_LONGEST_HEAD_BYTES = 16384

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Silent(Exception):
    """Nothing was heard for SILENCE_SECONDS."""


class Refused(Exception):
    """The answer to the handshake was another than 101, or what followed was no WebSocket."""


class Socket:
    """A client past its handshake. `piece_bytes` is read at once, after `pause_seconds`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._loop = connection, asyncio.get_running_loop()
        self._received = bytearray()
        self._heard_at = self._loop.time()
        self._is_silent = False
        self._watchdog: asyncio.TimerHandle | None = None
        self.piece_bytes, self.pause_seconds = 1 << 16, 0.0
        #: The code with which the other side ended the connection, None without.
        self.close_code: int | None = None

    @classmethod
    async def open(
        cls,
        port: int,
        path: str,
        *,
        source: str = "127.0.0.1",
        receive_bytes: int | None = None,
        headers: dict[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> Socket:
        """Raises OSError, TimeoutError, Refused."""
        connection = socket.socket()
        try:
            connection.setblocking(False)
            if receive_bytes is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            connection.bind((source, 0))
            self = cls(connection)
            async with asyncio.timeout(_OPEN_SECONDS):
                await self._loop.sock_connect(connection, ("127.0.0.1", port))
                await self._shake_hands(path, {**(headers or {}), **_offer(subprotocols)})
            self._watch()
            return self
        except BaseException:
            connection.close()
            raise

    async def _shake_hands(self, path: str, headers: dict[str, str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        fixed = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade"}
        fixed |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (fixed | headers).items()), "", ""]
        await self._loop.sock_sendall(self._socket, "\r\n".join(lines).encode())
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            data = await self._loop.sock_recv(self._socket, 4096)
            if not data or len(self._received) > _LONGEST_HEAD_BYTES:
                raise Refused("the connection ended in the handshake")
            self._received += data
        if not self._received.startswith(b"HTTP/1.1 101"):
            raise Refused(f"the answer was {bytes(self._received[9:12]).decode()}")
        del self._received[: end + 4]

    def _watch(self) -> None:
        """Ends the connection when it is silent for too long."""
        waited = self._loop.time() - self._heard_at
        if waited > SILENCE_SECONDS + self.pause_seconds:
            self._is_silent = True
            self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._watchdog = self._loop.call_later(SILENCE_SECONDS + 1 - waited, self._watch)

    async def say(self, text: bytes) -> None:
        await self._send(_TEXT, text)

    async def _send(self, opcode: int, payload: bytes) -> None:
        """One frame, masked with zeros."""
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
        await self._loop.sock_sendall(self._socket, bytes((0x80 | opcode,)) + length + bytes(4) + payload)

    async def messages(self) -> AsyncIterator[bytes]:
        """Payloads as they come, to the end of the connection. Raises Silent, Refused, OSError."""
        while self.close_code is None:
            for opcode, payload in self._frames():
                if opcode in (_TEXT, _BINARY):
                    yield payload
                elif opcode == _PING:
                    await self._send(_PONG, payload)
                elif opcode == _CLOSE:
                    self.close_code = int.from_bytes(payload[:2])
                    return
            if self.pause_seconds:
                await asyncio.sleep(self.pause_seconds)
            data = await self._loop.sock_recv(self._socket, self.piece_bytes)
            if self._is_silent:
                raise Silent
            if not data:
                return
            self._heard_at = self._loop.time()
            self._received += data

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The whole frames in what was received; the server's are never masked, and none is in fragments."""
        received, at = self._received, 0
        try:
            while len(received) >= at + 2:
                first, size = received[at], received[at + 1]
                begin = at + 2
                if size > 125:
                    begin += 2 if size == 126 else 8
                    if len(received) < begin:
                        return
                    size = int.from_bytes(received[at + 2 : begin])
                if len(received) < begin + size:
                    return
                if first & 0xF0 != 0x80:
                    raise Refused(f"a frame begins with {first:#x}")
                at = begin + size
                yield first & 0x0F, bytes(received[begin:at])
        finally:
            del received[:at]

    def close(self) -> None:
        """At once, as a client that is gone."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._socket.close()


def _offer(subprotocols: Sequence[str]) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}
