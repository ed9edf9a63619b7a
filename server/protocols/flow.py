"""Flow control between an application and its clients' sockets, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IPushProducer
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import implementer

from server.admission.admission import Place

#: The unsent bytes that the kernel may hold for one client. By default it holds megabytes, which a slow client then
#: gets minutes late (measured, a client at 20 KB/s: 3.1 MB against 0.4 MB).
KERNEL_UNSENT_BYTES = 65_536

#: When this much waits for the application to receive it, the server stops reading the socket.
UNREAD_BYTES = 1 << 16

#: After this much at a time a sender yields to the loop: a client may read as fast as we write.
TURN_BYTES = 256 * 1024

#: The approximate cost of a queued message beside its payload.
_MESSAGE_BYTES = 256


@implementer(IPushProducer)
class Valve:
    """The push producer of a transport: makes senders wait while the transport's buffer is full."""

    def __init__(self, on_room: Callable[[], None] | None = None) -> None:
        self.full = False
        self.was_full = False
        self._room = asyncio.Event()
        self._on_room = on_room

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self.full = self.was_full = True
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self.full = False
        self._room.set()
        if self._on_room is not None:
            self._on_room()

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self.resumeProducing()  # with the connection gone there is nothing to wait for

    async def wait(self) -> None:
        """Return when the buffer has room or the connection is gone; at once if it has room."""
        while self.full:
            await self._room.wait()

    async def turn(self) -> None:
        """Like `wait`, but give everything else on the loop a turn first."""
        await asyncio.sleep(0)
        await self.wait()


class Metered:
    """Mixin for a server-side transport: writes at once if possible, counts the written bytes, and gives up its place
    at the end."""

    place: Place
    _written_bytes = 0

    def take(self: Any, place: Place) -> None:
        """Hold a place until the connection is lost."""
        self.place = place
        place.close = self.abortConnection

    def connectionLost(self: Any, reason: Any) -> None:  # noqa: N802 (Twisted's name)
        self.place.leave()
        super().connectionLost(reason)  # type: ignore[misc]
        # Of a client that read nothing this is much, and what is in circles stays until the next collection.
        self.dataBuffer, self.offset, self._tempDataLen = b"", 0, 0
        self._tempDataBuffer.clear()

    @property
    def drained_bytes(self: Any) -> int:
        """Bytes that the other end has received.

        Bytes taken by the kernel are no measure: it takes 32 KB at a time, which a client at 1 KB/s reads for long.
        """
        return int(self._written_bytes - self._in_kernel_bytes)

    @property
    def unsent_bytes(self: Any) -> int:
        """Bytes that wait in this process."""
        return int(len(self.dataBuffer) - self.offset + self._tempDataLen)

    @property
    def undelivered_bytes(self: Any) -> int:
        """Bytes that the other end has not received yet, wherever they wait."""
        return int(self.unsent_bytes + self._in_kernel_bytes)

    @property
    def _in_kernel_bytes(self: Any) -> int:
        """Bytes that the kernel holds for the other end; a lost connection has no socket, and its protocol may stay."""
        return _unreceived_bytes(self.socket) if self.connected else 0

    def write(self: Any, data: bytes) -> None:
        """Twisted always queues, which costs two changes to the selector for each message."""
        if self.dataBuffer or self._tempDataBuffer or self.TLS or not self.connected:
            super().write(data)  # type: ignore[misc]
            return
        try:
            taken = self.socket.send(memoryview(data)[: self.SEND_LIMIT])
        except OSError:
            taken = 0  # no room; or the connection is lost, which the reactor detects
        self._written_bytes += taken
        if taken < len(data):
            super().write(data[taken:])  # type: ignore[misc]

    def writeSomeData(self, data: bytes) -> Any:  # noqa: N802 (Twisted's name)
        taken = super().writeSomeData(data)  # type: ignore[misc]
        if isinstance(taken, int):
            self._written_bytes += taken
        return taken


def _unreceived_bytes(connection: socket.socket) -> int:
    """The bytes of a connection that the kernel holds until the other end has them; 0 if it does not report them."""
    try:
        (waiting,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return 0
    return int(waiting)


class MeteredTCP(Metered, tcp.Server):
    def __init__(self, skt: socket.socket, *args: Any) -> None:
        super().__init__(skt, *args)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            with contextlib.suppress(OSError):  # not every kernel has it, and all works without
                skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES)


class MeteredUnix(Metered, unix.Server):
    pass


def innermost(transport: Any) -> Any:
    """The socket's own transport, below TLS."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def waiting(writers: Iterable[Any], protocols: Iterable[Any]) -> set[Metered]:
    """The transports with data that waits in this process; of streams, which have no pings, in the kernel too."""
    streams = (innermost(protocol.transport) for protocol in protocols if protocol.is_stream)
    found = {writer for writer in writers if isinstance(writer, Metered)}
    return found | {stream for stream in streams if stream.undelivered_bytes}


class StallWatch:
    """Finds the connections whose clients read nothing at all."""

    def __init__(self, stall_seconds: float) -> None:
        self.stall_seconds = stall_seconds
        self.look_seconds = stall_seconds / 4
        self._seen: dict[Metered, tuple[int, float]] = {}
        self._looked_at: float | None = None

    def stalled(self, waiting: Iterable[Metered], now: float) -> list[Metered]:
        """The transports with unsent bytes that drained none for `stall_seconds`.

        To be called every `look_seconds`; a transport missing from one call is counted from zero in the next. A look
        that comes late counts as one in time: the process stood still then, and no client could be served.
        """
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, 2 * self.look_seconds)
        self._looked_at = now
        seen = {}
        for transport in waiting:
            drained_bytes, stalled_seconds = self._seen.get(transport, (-1, 0.0))
            stalled_seconds = stalled_seconds + passed if transport.drained_bytes == drained_bytes else 0.0
            seen[transport] = (transport.drained_bytes, stalled_seconds)
        self._seen = seen
        return [transport for transport, (_, seconds) in seen.items() if seconds >= self.stall_seconds]


class Inbox(asyncio.Queue[dict[str, Any]]):
    """Messages from a client that its application has not received; when it holds much, the client is paused."""

    def __init__(self, transport: Any) -> None:
        super().__init__()
        self._transport = transport
        self._unread_bytes = 0
        self._held = False

    def _put(self, message: dict[str, Any]) -> None:
        super()._put(message)
        self._unread_bytes += _cost(message)
        if self._unread_bytes > UNREAD_BYTES and not self._held:
            self._held = True
            self._transport.pauseProducing()

    def _get(self) -> dict[str, Any]:
        message = super()._get()
        self._unread_bytes -= _cost(message)
        if self._held and self._unread_bytes <= UNREAD_BYTES:
            self._held = False
            self._transport.resumeProducing()
        return message


def _cost(message: dict[str, Any]) -> int:
    return len(message.get("text") or message.get("bytes") or b"") + _MESSAGE_BYTES
