"""An HTTP connection: its client must send in time, because it occupies a place that others may need."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from twisted.web import http

from runtime.pools import RETRY_SECONDS
from server.admission.deadlines import Deadline, Deadlines
from server.error_answer import error_answer
from server.protocols.flow import innermost
from streaming.protocol import EVENTS_PATH

if TYPE_CHECKING:
    from server.protocols.http_request import HttpRequest

_HTTPChannel: Any = http.HTTPChannel

#: Request line and headers, from the connection (with TLS, its handshake too) or the first byte of a further request.
#: They are a packet or two: even from a phone in a tunnel they arrive within three retransmissions.
HEAD_SECONDS = 15.0

#: Between two requests. A proxy in front must close first (nginx does after 60 s, our `deploy/nginx.conf` after 50).
#: Otherwise one of its requests meets a closed connection.
IDLE_SECONDS = 60.0

#: A body must arrive at `BODY_BYTES_A_SECOND` in each period but the first, in which its client may still prepare it.
#: The slowest phone sends a kilobyte a second.
BODY_SECONDS = 10.0
BODY_BYTES_A_SECOND = 1024


class HttpChannel(_HTTPChannel):  # type: ignore[misc]
    """One HTTP connection, its requests one after the other."""

    requests: list[HttpRequest]

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's names)
        super().connectionMade()
        self._server = self.factory.server
        self._deadlines: Deadlines[HttpChannel] = self._server.deadlines
        self._transport = innermost(self.transport)
        self.place = self._transport.place
        self._body_bytes = self._body_bytes_due = self._drained_bytes = 0
        self._expect(Deadline.HEAD)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._deadlines.end(self)
        super().connectionLost(reason)

    # -- what comes

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        super().dataReceived(data)
        self._note_beginning()

    def allHeadersReceived(self) -> None:  # noqa: N802
        super().allHeadersReceived()
        request = self.requests[-1]
        if not request.refused:
            self._body_bytes = self._body_bytes_due = 0
            self._expect(Deadline.BODY)
            request.admit(self.place)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        self._body_bytes += len(data)
        super().rawDataReceived(data)

    def allContentReceived(self) -> None:  # noqa: N802
        self._deadlines.end(self)
        super().allContentReceived()

    def requestDone(self, request: HttpRequest) -> None:  # noqa: N802
        self.place.wait()
        self._drained_bytes = self._transport.drained_bytes
        self._expect(Deadline.IDLE if self.persistent else Deadline.END)
        super().requestDone(request)
        self._note_beginning()

    def _note_beginning(self) -> None:
        """The first byte of a further request starts its deadline."""
        if self._has_begun and self._deadlines.due_on(self) is Deadline.IDLE:
            self._expect(Deadline.HEAD)

    @property
    def _has_begun(self) -> bool:
        """Whether part of a request has arrived."""
        return bool(self.requests or self._buffer)

    @property
    def path(self) -> bytes:
        """The path of the request whose headers have arrived; the request itself gets it at the end of its body."""
        return bytes(self._path).partition(b"?")[0]

    @property
    def begins_stream(self) -> bool:
        """Whether this request asks for a stream of events, by its path as the application will know it."""
        return self._command == b"GET" and unquote(self.path.decode("latin-1")) == EVENTS_PATH

    # -- what cannot be read

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of more digits than Python converts
            self._respondToBadRequestAndDisconnect()
            return False

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse_head()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        # Twisted calls this for every request that it cannot read, whatever the reason.
        if self.transport.disconnecting:
            return
        if self._receivedHeaderSize > self.totalHeadersSize or self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head()
        else:
            self.refuse(HTTPStatus.BAD_REQUEST, "bad_request", "this cannot be read as a request of HTTP/1.1")

    def _refuse_head(self) -> None:
        """Refuse a head that is too long: its request line, if that has not ended yet, otherwise its headers."""
        most = self.totalHeadersSize
        if not hasattr(self, "_path"):
            status, code = HTTPStatus.REQUEST_URI_TOO_LONG, "request_line_too_long"
            self.refuse(status, code, f"a request line may have {most} bytes")
        else:
            status, code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large"
            self.refuse(status, code, f"a request's head may have {most} bytes and {self.maxHeaders} headers")

    # -- what does not come

    def _expect(self, due: Deadline) -> None:
        self._deadlines.begin(self, due, self._server.loop.time())

    def time_is_up(self, due: Deadline) -> None:
        """What was due has not happened in time."""
        if due in (Deadline.IDLE, Deadline.END):
            self._end(due)
        elif due is Deadline.BODY and self._body_bytes >= self._body_bytes_due:
            self._body_bytes = 0
            self._body_bytes_due = int(BODY_BYTES_A_SECOND * self._deadlines.seconds[due])
            self._expect(due)
        elif self.transport.disconnecting or not self._has_begun:
            self._transport.abortConnection()
        else:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", self._lateness(due))

    def _lateness(self, due: Deadline) -> str:
        if due is Deadline.BODY:
            return f"a body must come at {BODY_BYTES_A_SECOND} bytes a second at least"
        return f"request line and headers must be there within {self._deadlines.seconds[due]:g} s"

    def _end(self, due: Deadline) -> None:
        """End a connection that sends nothing, unless it still reads what it was sent."""
        pending, drained_bytes = self._transport.undelivered_bytes, self._transport.drained_bytes
        if pending and drained_bytes != self._drained_bytes:
            self._drained_bytes = drained_bytes
            self._expect(due)
        elif due is Deadline.IDLE and not pending:
            self.loseConnection()
            self._expect(Deadline.END)
        else:
            self._transport.abortConnection()

    def refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """Answer the request that has begun with an error, and end the connection."""
        is_passing = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
        headers = [("Retry-After", str(RETRY_SECONDS))] if is_passing else []
        has_body = getattr(self, "_command", None) != b"HEAD"
        self.write(error_answer(status, code, message, headers, has_body=has_body))
        self.loseConnection()
        self._expect(Deadline.END)
