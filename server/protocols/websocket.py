"""A WebSocket: daphne's protocol with flow control and stricter rules."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from autobahn.util import encode_truncate
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol

from runtime.log_context import HEADER
from server.error_answer import code_of, error_answer
from server.listen_addresses import name_of
from server.protocols.flow import TURN_BYTES, Inbox, Valve, innermost
from server.protocols.websocket_intake import Intake
from streaming.limits import REFUSED, Rate
from streaming.protocol import CLOSE_STALLED, FRAMES, websocket_frame

log = logging.getLogger(__name__)

#: A fragment counts as at least this many bytes, because even an empty one takes memory.
_FRAGMENT_BYTES = 64

#: After a refusal this much is still read and discarded: a client in the middle of a message reads the reason only
#: after that message.
_DROPPED_BYTES = 8 << 20

#: Length of the reason why a handshake failed; it may repeat a header of up to 16 KiB.
_SHOWN_CHARACTERS = 200

_GOING_AWAY = 1001
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_CLOSE_REASON_BYTES = 123


class WebSocket(WebSocketProtocol):  # type: ignore[misc]
    """One WebSocket; `reply` is its application's `send`."""

    #: Autobahn copies each of these from the factory, and writes all out for its log, which has no readers: 0.3 ms a
    #: socket. `connectionMade` copies them instead.
    CONFIG_ATTRS: tuple[str, ...] = ()

    failByDrop = False  # noqa: N815 (autobahn's name; a client that breaks a rule receives the reason)
    closeHandshakeTimeout: float = 5  # noqa: N815

    data: bytes  # autobahn's: data not parsed yet

    #: Whether the client was sent the reason; it is cut off when the time for the closing handshake is over.
    given_up = False

    #: Its pings find out whether the client is there.
    is_stream = False

    _name = ""

    def connectionMade(self) -> None:  # noqa: N802
        server = self.factory.server_class
        self.__dict__.update(self.factory.options)
        self.valve = Valve(self._pay_pong)
        self.intake = Intake(self.transport, self.parse, self.factory.turns)
        self.inbox = Inbox(self.intake)
        self._read_at = server.loop.time()
        self._rate = Rate(server.frames_a_second, server.frames_a_second, self._read_at)
        self._has_request = False
        self._dropped_bytes = 0
        self.frames_extension = {"deflate": False, "write": self.write_now}
        self._run_bytes = 0
        self._owed_pong: bytes | None = None
        self.transport.unregisterProducer()  # the HTTP channel this connection came from
        self.transport.registerProducer(self.valve, True)
        super().connectionMade()

    async def reply(self, message: dict[str, Any]) -> None:
        """Take a message of the application; return once the client's buffer has room again.

        Messages after the end of the connection are dropped, as in daphne: `websocket.disconnect` announces the end to
        the application.
        """
        if self.valve.full:  # another sender of this socket waits as well
            await self.valve.wait()
        frames = message.get(FRAMES)
        if frames is None:
            self.handle_reply(message)
        else:
            self.send_frames(frames)
        if self.valve.full or self._run_bytes > TURN_BYTES or self.state != self.STATE_OPEN:
            self._run_bytes = 0
            await self.valve.turn()

    def write_now(self, frames: bytes) -> bool:
        """Send frames while the client's buffer has room; False when it has none, or the socket is not open.

        A task and an iteration of the loop would cost more than the write to the socket.
        """
        if self.valve.full or self.state != self.STATE_OPEN:
            return False
        self.transport.write(frames)
        return True

    def send_frames(self, frames: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self._run_bytes += len(frames)
            self.transport.write(frames)
        elif self.state == self.STATE_CONNECTING:
            raise ValueError("Socket has not been accepted, so cannot send over it")

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802
        # Not by autobahn, which holds what we send to the limit meant for what we receive.
        payload = content.encode() if isinstance(content, str) else content
        self.send_frames(websocket_frame(payload, binary=binary))

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.state == self.STATE_CONNECTING:
            headers = {name.decode(): value.decode() for name, value in message.get("headers", ())}
            self._accept_headers = {**headers, HEADER: self._name}
            super().handle_reply(message)
            self.frames_extension["deflate"] = self._perMessageCompress is not None
        elif message["type"] == "websocket.close":
            self.close(message.get("code") or 1000, message.get("reason") or "")
        elif message["type"] != "websocket.accept":  # accepted, but the client has left already
            super().handle_reply(message)

    def name_answer(self, name: str) -> None:
        """The id of the request that asked for this socket, for its answer."""
        self._name = name

    @property
    def extensions(self) -> dict[str, Any]:
        """What its application may use beyond ASGI, and why it is to be refused, if it is."""
        return {FRAMES: self.frames_extension, REFUSED: innermost(self.transport).place.refusal}

    def serverAccept(self, subprotocol: str | None = None) -> None:  # noqa: N802
        super().serverAccept((subprotocol, self._accept_headers))  # daphne knows no headers here, autobahn does

    def sendHttpErrorResponse(  # noqa: N802
        self,
        code: int,
        reason: str,
        responseHeaders: Iterable[tuple[str, str]] | None = None,  # noqa: N803
    ) -> None:
        status = HTTPStatus(code)
        self.sendData(error_answer(status, code_of(status.phrase), reason[:_SHOWN_CHARACTERS], responseHeaders or ()))

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, if the socket is open."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code, encode_truncate(reason, _CLOSE_REASON_BYTES))

    def sendCloseFrame(self, *reason: Any, **options: Any) -> None:  # noqa: N802
        """From here on only the client's answer is due: the place may be given to another client."""
        super().sendCloseFrame(*reason, **options)
        innermost(self.transport).place.wait()

    def give_up(self, stall_seconds: float) -> bool:
        """Send a client that reads nothing the reason, and cut it off soon; False if the socket is not open."""
        if self.state != self.STATE_OPEN:
            return False
        self.given_up = True
        self.closeHandshakeTimeout = min(self.closeHandshakeTimeout, stall_seconds)
        self.close(CLOSE_STALLED, f"nothing was taken for {stall_seconds:g} s")
        return True

    def go_away(self) -> None:
        self.close(_GOING_AWAY, "the server is stopping")

    def application_ended(self, failed: bool) -> None:
        if hasattr(self, "handshake_deferred") and self.state == self.STATE_CONNECTING:
            refusal = (500, "Internal Server Error") if failed else (403, "Access denied")
            self.handshake_deferred.errback(ConnectionDeny(*refusal))  # type: ignore[no-untyped-call]
            del self.handshake_deferred
        self.close(_INTERNAL_ERROR if failed else 1000, "")

    # -- what comes

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._has_request:  # the request, which daphne has read and passes on
            self._has_request = True
            super().dataReceived(data)
        elif self._is_over:
            self._drop(data)
        else:
            self._read_at = self.factory.server_class.loop.time()
            self.intake.put(data)

    def onOpen(self) -> None:  # noqa: N802
        super().onOpen()
        behind_the_request, self.data = self.data, b""
        self.intake.begin(behind_the_request)

    def parse(self, data: bytes) -> int:
        """Let autobahn parse the data up to a refusal; returns how many bytes its last frame still lacks."""
        self.data += data
        while not self._is_over and self.processData():
            pass
        if self._is_over:
            self.data = b""
            self.intake.end()
        elif self.current_frame is not None:
            return int(self.current_frame.length - self.current_frame_masker.pointer())
        return 0

    @property
    def _is_over(self) -> bool:
        return bool(self.failedByMe or self.state == self.STATE_CLOSED)

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        if self._dropped_bytes > _DROPPED_BYTES:
            self.transport.abortConnection()

    def onFrameBegin(self) -> None:  # noqa: N802
        """The head of a frame of any kind, even an empty one. It counts from the time at which it was read, so slow
        parsing does not raise the limit."""
        if self._rate.allows(self._read_at):
            super().onFrameBegin()
            return
        limit = self.factory.server_class.frames_a_second
        log.warning("cut off %s: it sent more than %d WebSocket frames a second", name_of(self), limit)
        self._fail_connection(_POLICY_VIOLATION, f"more than {limit} WebSocket frames a second")

    def _fail_connection(self, code: int = _GOING_AWAY, reason: str = "") -> None:
        if self.failedByMe:
            return  # one frame can be wrong twice
        super()._fail_connection(code, reason)
        if self.state == self.STATE_CLOSING:
            self._hang_up()

    def _hang_up(self) -> None:
        """End our direction after the close frame. The client ends its own, or is cut off when its time is over.

        Closing both directions at once could send a reset that overtakes the close frame.
        """
        self.unregisterProducer()
        if innermost(self.transport) is self.transport:
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()  # by TLS the same, since it waits for the other end

    def onMessageFrameBegin(self, length: int) -> None:  # noqa: N802
        super().onMessageFrameBegin(max(length, _FRAGMENT_BYTES))

    # -- pings

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        # A client that pings and does not read must not fill our memory with pongs. RFC 6455, section 5.5.3,
        # allows answering only the latest ping.
        if self.valve.full:
            self._owed_pong = payload
        else:
            super().onPing(payload)

    def _pay_pong(self) -> None:
        if self._owed_pong is not None:
            payload, self._owed_pong = self._owed_pong, None
            self.sendPong(payload)

    def _sendAutoPing(self) -> None:  # noqa: N802
        # One ping at a time: autobahn forgets the timer of the previous one, and then cuts off a client that answered.
        if self.autoPingTimeoutCall is None:
            self.valve.was_full = self.valve.full
            super()._sendAutoPing()

    def onAutoPingTimeout(self) -> None:  # noqa: N802
        # If the buffer is full, the ping has not reached the client: then the stall watch decides.
        if self.valve.was_full:
            self.valve.was_full = self.valve.full
            self.autoPingTimeoutCall = self.factory._batched_timer.call_later(
                self.autoPingTimeout, self.onAutoPingTimeout
            )
        else:
            super().onAutoPingTimeout()

    # -- the end

    def unregisterProducer(self) -> None:  # noqa: N802
        super().unregisterProducer()
        self.valve.stopProducing()  # nothing else does so from here on

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        if self.failedByMe:
            code = self.localCloseCode
        if hasattr(self, "server"):  # otherwise the handshake failed before daphne knew the connection
            super().onClose(wasClean, code, reason)
