"""The socket `/market_data`: after CONNECT a client gets the bars of its symbols and resolutions as they close."""

from __future__ import annotations

import asyncio
from typing import Any

from bars.feed.feed_client import FeedClient
from bars.feed.protocol import refusal
from runtime.measured import ended_streams
from streaming.admitting import admitted, client_address, query_of
from streaming.fanout.stream_client import Send
from streaming.limits import CLOSE_TOO_LARGE, MESSAGES_A_SECOND, talk_rate
from streaming.protocol import CLOSE_LIMIT, FRAMES, StreamError

_MOST_MESSAGE_BYTES = 64 * 1024


async def market_data(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Serve one client of `/market_data` from its first message to its last."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    client = FeedClient(send, query_of(scope), client_address(scope), raw=FRAMES in (scope.get("extensions") or {}))
    try:
        with admitted(scope):
            await _serve(client, receive)
    except StreamError as refused:
        ended_streams["bars", refused.code] += 1
        if refused.code == "too_many_connections":
            await client.put(refusal(refused.detail))
        await send({"type": "websocket.close", "code": refused.close, "reason": refused.detail})
    finally:
        client.leave()


async def _serve(client: FeedClient, receive: Any) -> None:
    tasks = [asyncio.create_task(client.pump()), asyncio.create_task(_listen(client, receive))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _listen(client: FeedClient, receive: Any) -> None:
    """Pass on the client's messages until it leaves. Raises StreamError for too many of them."""
    loop = asyncio.get_running_loop()
    rate = talk_rate(loop.time())
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("text") or message.get("bytes") or ""
        if len(data) > _MOST_MESSAGE_BYTES:
            detail = f"a message may have {_MOST_MESSAGE_BYTES} bytes here, got {len(data)}"
            raise StreamError("message_too_large", detail, CLOSE_TOO_LARGE)
        if not rate.allows(loop.time()):
            detail = f"at most {MESSAGES_A_SECOND:g} messages a second are read here"
            raise StreamError("rate_limited", detail, CLOSE_LIMIT)
        await client.ask(data)
