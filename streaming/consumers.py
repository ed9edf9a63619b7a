"""The socket `/ws/stream`, and the answer to a socket at any other path."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from streaming.clients import Send, StreamClient
from streaming.protocol import (
    CLOSE_NOT_FOUND,
    StreamError,
    control,
    error,
    is_ping,
    parse_request,
    websocket_frame,
)
from streaming.relay import relays

Scope = dict[str, Any]
_EXTENSION = "market_camera.frames"


async def stream(scope: Scope, receive: Any, send: Send) -> None:
    """Serve one client of `/ws/stream` from its first message to its last."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    try:
        request = parse_request(_query(scope))
        relay = await relays.get(request.symbol)
    except StreamError as refused:
        await refuse(send, refused)
        return
    client = StreamClient(send, settings.CONFIG.outbox_bytes, raw=_EXTENSION in (scope.get("extensions") or {}))
    relay.subscribe(client, request.options)
    pump = asyncio.create_task(client.pump())
    listen = asyncio.create_task(_listen(receive, client))
    try:
        await asyncio.wait((pump, listen), return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.unsubscribe(client, request.options)
        for task in (pump, listen):
            task.cancel()
        await asyncio.gather(pump, listen, return_exceptions=True)


async def nowhere(scope: Scope, receive: Any, send: Send) -> None:
    """A socket at a path where none is served."""
    await receive()
    await send({"type": "websocket.accept"})
    path = scope["path"][:200]
    await refuse(send, StreamError("not_found", f"there is no socket at {path!r}", CLOSE_NOT_FOUND))


async def refuse(send: Send, refused: StreamError) -> None:
    """Say what is wrong, then close with its code."""
    await send({"type": "websocket.send", "text": error(refused.code, refused.detail).decode()})
    await send({"type": "websocket.close", "code": refused.close})


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


async def _listen(receive: Any, client: StreamClient) -> None:
    """Answer pings until the client leaves; whatever else it says is ignored."""
    pong = websocket_frame(control("pong"))
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if is_ping(message.get("text")):
            client.tell(pong)
