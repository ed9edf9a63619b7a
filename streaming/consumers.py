"""The socket `/ws/stream`, and the answer to a socket at any other path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.conf import settings

from runtime.measured import ended_streams
from streaming.admitting import Scope, admitted_stream, query_of
from streaming.fanout.encoding import Encoder
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import Send, StreamClient, deliver, socket_outlet
from streaming.limits import MESSAGES_A_SECOND, check_size, talk_rate
from streaming.options import DEFLATE, Options, parse_request
from streaming.past.session import Replay
from streaming.protocol import (
    CLOSE_LIMIT,
    CLOSE_NOT_FOUND,
    FRAMES,
    STORE_HEADER,
    StreamError,
    error,
    is_ping,
)
from streaming.relay.relays import relays
from streaming.session import serve


async def stream(scope: Scope, receive: Any, send: Send) -> None:
    """Serve one client of `/ws/stream` from its first message to its last."""
    await receive()  # websocket.connect
    # They tell a client that starts with the newest messages which recording its position is in.
    told = relays.known_headers(query_of(scope).get("symbol", [None])[-1])
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": "websocket.accept", "headers": headers})
    encoder = Encoder(Options())
    try:
        request = parse_request(query_of(scope), settings.CONFIG.stream_types)
        options = _as_the_socket_takes_it(scope, request.options)
        encoder = Encoder(options)
        with admitted_stream(scope, replace(request, options=options)):
            relay = await relays.get(request.symbol)
            request = replace(request, store=request.store or told.get(STORE_HEADER))
            feed = relays.feed(relay, options)
            outlet = socket_outlet(send, _frames(scope))
            client = StreamClient(outlet, settings.CONFIG.outbox_bytes, feed.slow_gap, feed.counts)
            replay = None if request.past is None else Replay(client, relay, feed, request, has_commands=True)
            hear = (lambda text: None) if replay is None else replay.command
            await serve(client, relay, feed, request, _listen(receive, client, feed, hear), replay)
            await send({"type": "websocket.close", "code": 1000})
    except StreamError as refused:
        await refuse(scope, send, refused, encoder)


async def nowhere(scope: Scope, receive: Any, send: Send) -> None:
    """Refuse a socket at a path that does not exist."""
    await receive()
    await send({"type": "websocket.accept"})
    path = scope["path"][:200]
    refused = StreamError("not_found", f"there is no socket at {path!r}", CLOSE_NOT_FOUND)
    await refuse(scope, send, refused, Encoder(Options()))


async def refuse(scope: Scope, send: Send, refused: StreamError, encoder: Encoder) -> None:
    """Send an error in the client's encoding, then close with the code."""
    ended_streams["websocket", refused.code] += 1
    wire = encoder.wire("error", error(refused.code, refused.detail))
    await deliver(send, wire, raw=_frames(scope) is not None)
    await send({"type": "websocket.close", "code": refused.close})


def _as_the_socket_takes_it(scope: Scope, options: Options) -> Options:
    deflates = (_frames(scope) or {}).get("deflate")
    return replace(options, encoding=DEFLATE) if deflates and options.encoding == "json" else options


def _frames(scope: Scope) -> dict[str, Any] | None:
    """The server's extension for ready-made frames, if it offers one."""
    extension: dict[str, Any] | None = (scope.get("extensions") or {}).get(FRAMES)
    return extension


async def _listen(receive: Any, client: StreamClient, feed: Feed, hear: Callable[[str | None], None]) -> None:
    """Answer pings until the client leaves; `hear` has its other messages. Raises StreamError over the rate."""
    loop = asyncio.get_running_loop()
    rate = talk_rate(loop.time())
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        check_size(message)
        if not rate.allows(loop.time()):
            detail = f"at most {MESSAGES_A_SECOND:g} messages a second are read here"
            raise StreamError("rate_limited", detail, CLOSE_LIMIT)
        text = message.get("text")
        if not is_ping(text):
            hear(text)
        elif not client.is_owed_much():
            feed.tell(client, "pong")
