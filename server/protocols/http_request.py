"""An HTTP request: daphne's protocol with flow control and stricter rules."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Hashable
from functools import partial
from http import HTTPStatus
from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from daphne.http_protocol import WebRequest
from twisted.web.http import NO_BODY_CODES

from runtime.addresses import LOCAL, Client, address_bucket, client_of, hops, is_in, parse_address
from runtime.log_context import HEADER
from runtime.trailers import TRAILERS
from server.admission.admission import Place
from server.admission.requests_under_way import Requests
from server.error_answer import code_of
from server.protocols.flow import TURN_BYTES, Valve
from streaming.limits import REFUSED
from streaming.protocol import FRAMES

log = logging.getLogger(__name__)

#: These paths show the state of the server, however crowded it is.
_ALWAYS_ANSWERED = (b"/health", b"/healthz/live", b"/healthz/ready", b"/metrics")


class Chunks:
    """Makes a chunk of a piece of a body, once for all clients that get the piece one after the other."""

    _body = _chunk = b""

    def of(self, body: bytes) -> bytes:
        if body is not self._body:
            self._body, self._chunk = body, b"%x\r\n%b\r\n" % (len(body), body)
        return self._chunk


class HttpRequest(WebRequest):  # type: ignore[misc]
    """One HTTP request; `reply` is its application's `send`."""

    refused = given_up = False
    #: What its head asks for: a WebSocket, or the state of the server.
    asks_for_socket = is_probe = False
    #: Whether it asks for a stream of events, which is counted and cut off like a WebSocket.
    is_stream = False
    told_client: Client | None = None
    _has_body = False
    _counted: Callable[[], None] | None = None
    _chunks = Chunks()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)  # the application parses what it wants
        self.valve = Valve()
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.trailers: dict[str, str] = {}
        self._run_bytes = 0

    def __repr__(self) -> str:
        """As logs show it: without the query, which may hold a token."""
        path = self.uri.partition(b"?")[0]
        return f"<{type(self).__name__} {self.method.decode('latin-1')} {path.decode('latin-1')}>"

    # -- the request

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        super().gotLength(length)
        self._has_body = length != 0  # one in chunks has no length yet
        if (length or 0) > self.server.max_body_bytes:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if not self.refused:
            super().handleContentChunk(data)
            if self.content.tell() > self.server.max_body_bytes:
                self._refuse_body()

    def _refuse_body(self) -> None:
        message = f"a request's body may have {self.server.max_body_bytes} bytes"
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", message)

    def admit(self, place: Place) -> None:
        """Count this request for its client, once its headers have arrived.

        If there is no room, the application of a socket says so; any other request is answered here.
        """
        self.told_client = self._told_client()
        place.work(address_bucket(self.told_client.address) if self.told_client else None)
        self.is_stream = self.channel.begins_stream
        self.asks_for_socket = self.requestHeaders.getRawHeaders(b"Upgrade", [b""])[0].lower() == b"websocket"
        is_socket = self.is_stream or self.asks_for_socket
        self.is_probe = not is_socket and self.channel.path in _ALWAYS_ANSWERED
        if not is_socket and not self.is_probe:
            self._count(place)
        elif self._has_body:  # there may be a thousand of these, and what each may hold does not allow for a body
            message = "a socket, a stream of events or a probe is asked for without a body"
            self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", message)
        elif is_socket:
            place.become_socket()

    def _count(self, place: Place) -> None:
        """Count this request until its answer or its connection ends, or refuse it."""
        requests: Requests = self.server.admission.requests
        if place.refusal is not None:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "too_many_connections", place.refusal)
        elif (refusal := requests.begin(place.client)) is not None:
            self._refuse(*refusal)
        else:
            self._counted = partial(requests.end, place.client)

    def _end(self) -> None:
        self.valve.stopProducing()
        if self._counted is not None:
            self._counted()
            self._counted = None

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        if not self.refused:
            self.refused = True
            self.channel.refuse(status, code, message)

    def _told_client(self) -> Client | None:
        """The client that a trusted proxy names; None if none does."""
        trusted = self.server.trusted_proxies
        peer = parse_address(getattr(self.channel.getPeer(), "host", "")) or LOCAL
        if not is_in(peer, trusted):
            return None
        lines = self.requestHeaders.getAllRawHeaders()
        told = hops(((name.lower(), value) for name, values in lines for value in values), self.server.forwarded_header)
        return client_of(peer, told, trusted) if told else None

    def process(self) -> None:
        if self.refused or self.channel.transport.disconnecting:
            return  # answered; the rest of the data is ignored
        if self.is_probe:
            kind = self.path, self.channel.place.client
            self.channel.factory.probes.begin(kind, partial(self._start_probe, kind))
        else:
            self._take_turn()

    def _start_probe(self, kind: tuple[bytes, Hashable]) -> bool:
        if self._disconnected:
            return False
        self._counted = partial(self.channel.factory.probes.end, kind)
        self._take_turn()
        return True

    def _take_turn(self) -> None:
        if self.channel.factory.turns.take(self.channel.place.client, self._begin) and self.asks_for_socket:
            self.channel.transport.pauseProducing()  # what follows is for the socket

    def _begin(self) -> None:
        """Take the turn of this request, if its client is still there."""
        if self._disconnected:
            return
        try:
            if self.asks_for_socket:
                self.channel.transport.resumeProducing()
            self._process()
        except Exception:
            log.exception("a request failed at its beginning")
            self.channel.transport.abortConnection()

    def _process(self) -> Any:
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")  # not for clients to choose
        self._judge_forwarded()
        for name, values in self.requestHeaders.getAllRawHeaders():
            # daphne and autobahn decode these, and treat a failure to decode as an internal error.
            if name.lower().startswith(self.server.decoded_headers) and not all(map(bytes.isascii, values)):
                return self.basic_error(400, b"Bad Request", f"{name.decode('latin1')} must be ASCII")
        return super().process()

    def _judge_forwarded(self) -> None:
        """Keep, of the headers that daphne would believe, only what a trusted proxy itself says."""
        if not self.server.forwarded_headers:
            return
        address, port, scheme = self.server.forwarded_headers
        schemes = b",".join(self.requestHeaders.getRawHeaders(scheme.encode(), [])).rpartition(b",")[2].strip().lower()
        for name in (address, scheme) if self.told_client else (address, port, scheme):
            self.requestHeaders.removeHeader(name)
        if self.told_client:
            self.requestHeaders.setRawHeaders(address, [str(self.told_client.address)])
            told = self.told_client.scheme or (schemes.decode() if schemes in (b"http", b"https") else None)
            if told:
                self.requestHeaders.setRawHeaders(scheme, [told])

    def name_answer(self, name: str) -> None:
        """The id of this request, for its answer."""
        self.responseHeaders.setRawHeaders(HEADER.encode(), [name.encode()])

    @property
    def extensions(self) -> dict[str, Any]:
        """What its application may use of this server; that of a stream may do more."""
        of_streams = {FRAMES: {"write": self.write_now}, REFUSED: self.channel.place.refusal} if self.is_stream else {}
        return {TRAILERS: self.trailers, **of_streams}

    # -- the answer

    async def reply(self, message: dict[str, Any]) -> None:
        """Take a message of the application; return once the client's buffer has room again.

        Messages after the end of the connection are dropped, as in daphne: `http.disconnect` announces the end to the
        application.
        """
        await self.valve.wait()
        if message["type"] == "http.response.body":
            await self._reply_body(message.get("body", b""), message.get("more_body", False))
            return
        self.server.check_headers_type(message)
        self.handle_reply(message)
        if self._response_started and not self.producer and not self.gone:
            self.registerProducer(self.valve, True)

    async def _reply_body(self, body: bytes, more_body: bool) -> None:
        if self.method == b"HEAD" or self.code in NO_BODY_CODES:
            body, more_body = b"", False  # daphne would write every piece except the first
        self.handle_reply({"type": "http.response.body", "body": body, "more_body": True})
        self._run_bytes += len(body)
        if self.valve.full or self._run_bytes > TURN_BYTES or self.gone:
            self._run_bytes = 0
            await self.valve.turn()
        # Not before there is room: after the response an idle timer runs, which does not allow for slow readers.
        if not more_body:
            self.handle_reply({"type": "http.response.body"})

    def write_now(self, body: bytes) -> bool:
        """Send a piece of an answer under way, if the client's buffer has room; False if it has none.

        A task and an iteration of the loop would cost more than the write to the socket.
        """
        if self.valve.full or self.gone or not self.startedWriting:
            return False
        self.channel.write(self._chunks.of(body) if self.chunked else body)
        return True

    @property
    def gone(self) -> bool:
        """Whether the response has ended or the client left."""
        return bool(self.finished or self.channel is None)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        content = json.dumps({"error": {"code": code_of(status_text.decode()), "message": body}}).encode()
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content))]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})

    def go_away(self) -> None:
        """An answer in progress may still end; a stream, which would not, is told to."""
        if self.is_stream:
            self.inbox.put_nowait({"type": "http.disconnect"})

    def give_up(self, stall_seconds: float) -> bool:
        """An answer that the client does not read cannot carry a reason."""
        return False

    def application_ended(self, failed: bool) -> None:
        if self.gone:
            return
        if self._response_started:
            self.transport.abortConnection()  # the client must not take this for the whole answer
        else:
            self.basic_error(500, b"Internal Server Error", "the application failed")

    def finish(self) -> None:
        if self.producer and not self._disconnected:
            self.unregisterProducer()
        self._end()
        if self.chunked and self.trailers and not self._disconnected and not self.finished:
            self._write_end()
        super().finish()

    def _write_end(self) -> None:
        """The last chunk with the trailers behind it, which Twisted's own is without."""
        fields = b"".join(f"{name}: {value}\r\n".encode("latin1") for name, value in self.trailers.items())
        self.channel.write(b"0\r\n" + fields + b"\r\n")
        self.chunked = 0

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        super().connectionLost(reason)
        self._end()
