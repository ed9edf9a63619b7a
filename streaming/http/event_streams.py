"""The body of `GET /stream`: a session like that of a socket, once Django has made the head of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings

from runtime.measured import ended_streams
from streaming.admitting import Scope, admitted_stream
from streaming.fanout.stream_client import Outlet, Send, StreamClient
from streaming.options import StreamRequest
from streaming.protocol import EVENTS_PATH, FRAMES, StreamError, error, event
from streaming.relay.relays import relays
from streaming.session import serve

#: The key of a scope under which the view finds the `Opening` of its request.
OPENED = "market_camera.events"

#: A client that was sent nothing for this long gets a comment: some proxies end what is silent for 30 s.
HEARTBEAT_SECONDS = 15.0

#: A browser whose stream broke off comes again after this time.
_RETRY_MS = 1000

Receive = Callable[[], Awaitable[dict[str, Any]]]
Application = Callable[..., Awaitable[None]]


class EventStreams:
    """Has Django judge a request for events as any other; when it has sent the head, the rest needs no Django."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != EVENTS_PATH:
            await self._application(scope, receive, send)
            return
        with ExitStack() as held:
            opening = Opening(scope, receive, send, held)
            await self._application({**scope, OPENED: opening}, opening.receive, opening.send_head)
            await opening.serve()


class Opening:
    """A stream that the view may open; `held` counts its client while it is there."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, held: ExitStack) -> None:
        self._scope, self._receive, self._send, self._held = scope, receive, send, held
        self._request: StreamRequest | None = None
        self._is_begun = self._is_gone = False

    def open(self, request: StreamRequest) -> None:
        """Count the client, whose stream begins behind the head. Raises StreamError if there is no room for it."""
        self._held.enter_context(admitted_stream(self._scope, request))
        self._request = request

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        self._is_gone = self._is_gone or message["type"] == "http.disconnect"
        return message

    async def send_head(self, message: dict[str, Any]) -> None:
        """Pass on Django's answer, without its end if a stream follows."""
        self._is_begun = self._is_begun or message["type"] == "http.response.start"
        if self._request is None or message["type"] == "http.response.start":
            await self._send(message)

    async def serve(self) -> None:
        """Serve the stream that was opened, until its client leaves or it fails."""
        if self._request is None or not self._is_begun or self._is_gone:
            return
        await self._put(retry(_RETRY_MS))
        try:
            await self._serve(self._request)
        except StreamError as failed:
            ended_streams["events", failed.code] += 1
            await self._put(event("error", error(failed.code, failed.detail)))
        await self._send({"type": "http.response.body"})

    async def _serve(self, request: StreamRequest) -> None:
        relay = await relays.get(request.symbol)
        feed = relays.feed(relay, request.options)
        extension = (self._scope.get("extensions") or {}).get(FRAMES) or {}
        outlet = Outlet(self._put, extension.get("write"), HEARTBEAT_SECONDS)
        client = StreamClient(outlet, settings.CONFIG.outbox_bytes, feed.slow_gap, feed.counts)
        await serve(client, relay, feed, request, self._until_gone())

    async def _put(self, piece: bytes) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _until_gone(self) -> None:
        while not self._is_gone:
            await self.receive()


def retry(milliseconds: int) -> bytes:
    """Tells a browser how long to wait before it connects again."""
    return b"retry: %d\n\n" % milliseconds
