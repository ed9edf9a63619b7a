"""The socket `/ws/stream`, and the answer to a socket at any other path."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from streaming.addresses import client_of_scope
from streaming.clients import Send, StreamClient, deliver
from streaming.encoding import Encoder
from streaming.feed import Feed
from streaming.limits import MESSAGES_A_SECOND, Connections, check_size, talk_rate
from streaming.options import Options, parse_request
from streaming.protocol import CLOSE_LIMIT, CLOSE_NOT_FOUND, CLOSE_UNAVAILABLE, StreamError, control, error, is_ping
from streaming.relay import Relay
from streaming.relays import relays
from streaming.resume import Resume

log = logging.getLogger(__name__)

Scope = dict[str, Any]
_EXTENSION = "market_camera.frames"


async def stream(scope: Scope, receive: Any, send: Send) -> None:
    """Serve one client of `/ws/stream` from its first message to its last."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    encoder = Encoder(Options())
    try:
        request = parse_request(_query(scope))
        options = _as_the_socket_takes_it(scope, request.options)
        encoder = Encoder(options)
        with admitted(scope):
            relay = await relays.get(request.symbol)
            await _serve(Session(scope, receive, send, relay, relays.feed(relay, options)), request.since)
    except StreamError as refused:
        await refuse(scope, send, refused, encoder)


@dataclass(slots=True)
class Session:
    """A client that was let in."""

    scope: Scope
    receive: Any
    send: Send
    relay: Relay
    feed: Feed


async def _serve(session: Session, since: int | None) -> None:
    """Serve a client until it leaves. Raises StreamError when it breaks the rules."""
    frames = _frames(session.scope)
    relay, feed = session.relay, session.feed
    client = StreamClient(
        session.send,
        settings.CONFIG.outbox_bytes,
        feed.encoder.slow_gap,
        raw=frames is not None,
        write=(frames or {}).get("write"),
    )
    tasks = {asyncio.create_task(client.pump()), asyncio.create_task(_listen(session, client))}
    begin = asyncio.create_task(_begin(client, relay, feed, since))
    try:
        done, _ = await asyncio.wait({*tasks, begin}, return_when=asyncio.FIRST_COMPLETED)
        if begin in done and begin.exception() is None:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(client, feed)
        for task in (*tasks, begin):
            task.cancel()
        await asyncio.gather(*tasks, begin, return_exceptions=True)
    for task in done:
        task.result()


async def _begin(client: StreamClient, relay: Relay, feed: Feed, since: int | None) -> None:
    """Bring a client to the present. Raises StreamError."""
    if since is not None:
        try:
            await Resume(client, relay, feed, since).run()
        except OSError as error:
            log.error("%s: the recording cannot be read for a client that resumes: %s", relay.symbol, error)
            raise StreamError("unavailable", "the recording cannot be read now", CLOSE_UNAVAILABLE) from None
        return
    try:
        await relay.ready()
    except OSError as error:
        log.error("%s: the recording cannot be read, so that a client begins without it: %s", relay.symbol, error)
    newest = feed.newest(relay.ring)
    if newest is not None:
        client.offer(newest)
    relay.subscribe(client, feed)


def admitted(scope: Scope) -> AbstractContextManager[None]:
    """Counts a socket while it is open. Raises StreamError where there is no room for it."""
    config = settings.CONFIG
    return connections().admit(client_of_scope(scope, config.trusted_proxies, config.forwarded_header))


@cache
def connections() -> Connections:
    """The count of this process's stream clients and bar feeds."""
    return Connections(settings.CONFIG.max_connections, settings.CONFIG.max_connections_per_address)


async def nowhere(scope: Scope, receive: Any, send: Send) -> None:
    """A socket at a path where none is served."""
    await receive()
    await send({"type": "websocket.accept"})
    path = scope["path"][:200]
    refused = StreamError("not_found", f"there is no socket at {path!r}", CLOSE_NOT_FOUND)
    await refuse(scope, send, refused, Encoder(Options()))


async def refuse(scope: Scope, send: Send, refused: StreamError, encoder: Encoder) -> None:
    """Say what is wrong, in the client's encoding, then close with the code."""
    wire = encoder.wire(error(refused.code, refused.detail))
    await deliver(send, wire, raw=_frames(scope) is not None)
    await send({"type": "websocket.close", "code": refused.close})


def _as_the_socket_takes_it(scope: Scope, options: Options) -> Options:
    deflates = (_frames(scope) or {}).get("deflate")
    return replace(options, encoding="deflate") if deflates and options.encoding == "json" else options


def _frames(scope: Scope) -> dict[str, Any] | None:
    """What the server offers of ready-made frames, if it does."""
    extension: dict[str, Any] | None = (scope.get("extensions") or {}).get(_EXTENSION)
    return extension


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


async def _listen(session: Session, client: StreamClient) -> None:
    """Answer pings until the client leaves; whatever else it says is ignored. Raises StreamError for too much of it."""
    loop = asyncio.get_running_loop()
    rate = talk_rate(loop.time())
    while True:
        message = await session.receive()
        if message["type"] == "websocket.disconnect":
            return
        check_size(message)
        if not rate.allows(loop.time()):
            detail = f"at most {MESSAGES_A_SECOND:g} messages a second are read here"
            raise StreamError("rate_limited", detail, CLOSE_LIMIT)
        if is_ping(message.get("text")) and not client.is_owed_much():
            session.feed.tell(client, control("pong"))
