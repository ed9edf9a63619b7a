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

from recorder.errors import OtherStore
from runtime.addresses import Address, client_of_scope
from streaming.fanout.encoding import Encoder
from streaming.fanout.feed import Feed
from streaming.fanout.option_sets import OptionSets
from streaming.fanout.stream_client import Send, StreamClient, deliver
from streaming.limits import MESSAGES_A_SECOND, Connections, check_admitted, check_size, talk_rate
from streaming.options import DEFLATE, Options, StreamRequest, always_served, parse_request
from streaming.protocol import (
    CLOSE_LIMIT,
    CLOSE_NOT_FOUND,
    CLOSE_UNAVAILABLE,
    FRAMES,
    STORE_HEADER,
    StreamError,
    control,
    error,
    is_ping,
)
from streaming.relay.relay import Relay
from streaming.relay.relays import relays
from streaming.resume import Resume

log = logging.getLogger(__name__)

Scope = dict[str, Any]


async def stream(scope: Scope, receive: Any, send: Send) -> None:
    """Serve one client of `/ws/stream` from its first message to its last."""
    await receive()  # websocket.connect
    # They tell a client that starts with the newest messages which recording its position is in.
    told = relays.known_headers(_query(scope).get("symbol", [None])[-1])
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": "websocket.accept", "headers": headers})
    encoder = Encoder(Options())
    try:
        request = parse_request(_query(scope), settings.CONFIG.stream_types)
        options = _as_the_socket_takes_it(scope, request.options)
        encoder = Encoder(options)
        with admitted(scope), option_sets().use(options, client_address(scope)):
            relay = await relays.get(request.symbol)
            request = replace(request, store=request.store or told.get(STORE_HEADER))
            await _serve(StreamSession(scope, receive, send, relay, relays.feed(relay, options)), request)
    except StreamError as refused:
        await refuse(scope, send, refused, encoder)


@dataclass(slots=True)
class StreamSession:
    """A client that was admitted."""

    scope: Scope
    receive: Any
    send: Send
    relay: Relay
    feed: Feed


async def _serve(session: StreamSession, request: StreamRequest) -> None:
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
    feed.users.add(client)
    work = (client.pump(), _listen(session, client), _follow(client, relay, feed, request))
    tasks = {asyncio.create_task(one) for one in work}
    try:
        done, _ = await asyncio.wait({*tasks, client.ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(client, feed)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if client.ended.done():
        raise StreamError("unavailable", "the stream broke off; connect again with since=", CLOSE_UNAVAILABLE)
    for ended in done:
        ended.result()


async def _follow(client: StreamClient, relay: Relay, feed: Feed, request: StreamRequest) -> None:
    """Bring a client to the present, and again from the beginning each time the market gets another store.

    Raises StreamError.
    """
    since, client.store_id = request.since, request.store
    while True:
        resume = None if since is None else Resume(client, relay, feed, since)
        try:
            await (_begin(client, relay, feed) if resume is None else resume.run())
            await client.moved.wait()
        except OtherStore as other:
            relay.enter(other.store_id)
            if client.store_id is None:
                continue  # it has nothing of any store
            await _tell_store_changed(client, relay, feed, -1 if resume is None else resume.position)
        except OSError as error:
            log.error("%s: the recording cannot be read for a client that resumes: %s", relay.symbol, error)
            raise StreamError("unavailable", "the recording cannot be read now", CLOSE_UNAVAILABLE) from None
        await client.emptied()
        client.moved.clear()
        since, client.store_id = -1, relay.store_id


async def _begin(client: StreamClient, relay: Relay, feed: Feed) -> None:
    """Start a client with the newest messages. Raises OtherStore."""
    try:
        await relay.ready()
    except OSError as error:
        log.error("%s: the recording cannot be read, so that a client begins without it: %s", relay.symbol, error)
    relay.same_store(client)
    newest = feed.newest(relay.ring)
    if newest is not None:
        client.offer(newest)
    relay.subscribe(client, feed)


async def _tell_store_changed(client: StreamClient, relay: Relay, feed: Feed, position: int) -> None:
    """Announce to a client whose position is in another store that it starts over from the beginning."""
    to_t = max(position + 1, relay.end_of(client.store_id))
    items = feed.store_changed(position + 1, to_t, str(relay.store_id))
    await client.put(b"".join(item.wire for item in items))


def admitted(scope: Scope) -> AbstractContextManager[None]:
    """Counts a socket while it is open. Raises StreamError if there is no room for it."""
    check_admitted(scope)
    return connections().admit(client_address(scope))


def client_address(scope: Scope) -> Address:
    """The address whose limits count for a socket."""
    return client_of_scope(scope, settings.CONFIG.trusted_proxies, settings.CONFIG.forwarded_header)


@cache
def connections() -> Connections:
    """Counts this process's stream clients and bar feeds."""
    return Connections(settings.CONFIG.max_connections, settings.CONFIG.max_connections_per_address)


@cache
def option_sets() -> OptionSets:
    """Counts the sets of options that this process's stream clients use."""
    return OptionSets(always_served(settings.CONFIG.stream_types))


async def nowhere(scope: Scope, receive: Any, send: Send) -> None:
    """Refuse a socket at a path that does not exist."""
    await receive()
    await send({"type": "websocket.accept"})
    path = scope["path"][:200]
    refused = StreamError("not_found", f"there is no socket at {path!r}", CLOSE_NOT_FOUND)
    await refuse(scope, send, refused, Encoder(Options()))


async def refuse(scope: Scope, send: Send, refused: StreamError, encoder: Encoder) -> None:
    """Send an error in the client's encoding, then close with the code."""
    wire = encoder.wire(error(refused.code, refused.detail))
    await deliver(send, wire, raw=_frames(scope) is not None)
    await send({"type": "websocket.close", "code": refused.close})


def _as_the_socket_takes_it(scope: Scope, options: Options) -> Options:
    deflates = (_frames(scope) or {}).get("deflate")
    return replace(options, encoding=DEFLATE) if deflates and options.encoding == "json" else options


def _frames(scope: Scope) -> dict[str, Any] | None:
    """The server's extension for ready-made frames, if it offers one."""
    extension: dict[str, Any] | None = (scope.get("extensions") or {}).get(FRAMES)
    return extension


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


async def _listen(session: StreamSession, client: StreamClient) -> None:
    """Answer pings until the client leaves; other messages are ignored. Raises StreamError over the rate."""
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
