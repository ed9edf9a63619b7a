"""Factories that build the protocols of connections: ours in place of daphne's."""

from __future__ import annotations

from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from daphne.http_protocol import HTTPFactory
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from server.admission.turns import FewAtOnce, Turns
from server.protocols.deflate import accepted
from server.protocols.http_channel import HttpChannel
from server.protocols.http_request import HttpRequest
from server.protocols.websocket import WebSocket
from server.protocols.websocket_intake import Turns as IntakeTurns


class SocketFactory(WebSocketFactory):  # type: ignore[misc]
    """Builds the protocols of WebSockets."""

    protocol = WebSocket

    def __init__(self, server: Any) -> None:
        super().__init__(server, server=server.server_name)
        self.turns = IntakeTurns(server.loop)
        self.setProtocolOptions(
            autoPingTimeout=server.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=server.websocket_handshake_timeout,
            maxMessagePayloadSize=server.websocket_max_message_size,
            maxFramePayloadSize=server.websocket_max_frame_size,
            perMessageCompressionAccept=accepted if server.permessage_deflate else None,
        )
        names = WebSocketProtocol.CONFIG_ATTRS
        #: Of all options, those that our protocol itself does not set.
        self.options = {name: getattr(self, name) for name in names if not hasattr(WebSocket, name)}


class RequestFactory(HTTPFactory):  # type: ignore[misc]
    """Builds the channels on which requests arrive."""

    protocol = HttpChannel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.turns = Turns(server.loop.call_soon)
        #: For the paths that are always answered, by path and client: a probe that hangs holds up none of another kind.
        self.probes = FewAtOnce(4)
        self.timeOut = None  # any byte restarts Twisted's own timer

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = HttpRequest
        return protocol

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        return [b"http/1.1"]  # flow control is not made for HTTP/2; a proxy in front may speak it

    def log(self, request: Any) -> None:
        """Twisted's access log is off: it has no readers, and each line costs time."""
