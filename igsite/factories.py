"""What makes a protocol of each connection: ours in the place of daphne's."""

from __future__ import annotations

from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from daphne.http_protocol import HTTPFactory
from daphne.ws_protocol import WebSocketFactory

from igsite.connections import Request, Socket


class SocketFactory(WebSocketFactory):  # type: ignore[misc]
    protocol = Socket


class RequestFactory(HTTPFactory):  # type: ignore[misc]
    """Builds the channels on which requests arrive."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        return [b"http/1.1"]  # flow control is not made for HTTP/2; a proxy in front may speak it

    def log(self, request: Any) -> None:
        """No access log of Twisted's: nobody would read it, and each line costs."""
