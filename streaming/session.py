"""One stream client from its admission to its end: brought to the present, then live, whatever carries its messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from recorder.errors import OtherStore
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import StreamClient
from streaming.options import StreamRequest
from streaming.past.session import Replay
from streaming.protocol import CLOSE_UNAVAILABLE, StreamError
from streaming.relay.relay import Relay
from streaming.resume import Resume, tell_store_changed

log = logging.getLogger(__name__)


async def serve(
    client: StreamClient,
    relay: Relay,
    feed: Feed,
    request: StreamRequest,
    listening: Coroutine[Any, Any, None],
    replay: Replay | None = None,
) -> None:
    """Serve a client until `listening` ends, which it does when the client leaves, or until its replay does.

    `replay` is that of the request, for a client that commands it. Raises StreamError when the client breaks the
    rules, and when the stream fails.
    """
    feed.users.add(client)
    if request.past is None:
        following = follow(client, relay, feed, request)
    else:
        following = (replay or Replay(client, relay, feed, request, has_commands=False)).run()
    tasks = {asyncio.create_task(one) for one in (client.pump(), listening, following)}
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


async def follow(client: StreamClient, relay: Relay, feed: Feed, request: StreamRequest) -> None:
    """Bring a client to the present, and again from the beginning each time the market gets another store.

    Raises StreamError.
    """
    since, has, client.store_id = request.since, request.has, request.store
    while True:
        resume = None if since is None else Resume(client, relay, feed, since, has)
        try:
            await (_begin(client, relay, feed) if resume is None else resume.run())
            await client.moved.wait()
        except OtherStore as other:
            relay.enter(other.store_id)
            if client.store_id is None:
                continue  # it has nothing of any store
            await tell_store_changed(client, relay, feed, -1 if resume is None else resume.position)
        except OSError as error:
            log.error("%s: the recording cannot be read for a client that resumes: %s", relay.symbol, error)
            raise StreamError("unavailable", "the recording cannot be read now", CLOSE_UNAVAILABLE) from None
        await client.emptied()
        client.moved.clear()
        since, has = -1, None  # of the store that it was told, though the market may have yet another one by now


async def _begin(client: StreamClient, relay: Relay, feed: Feed) -> None:
    """Start a client with the newest messages. Raises OtherStore."""
    is_read = False
    try:
        await relay.ready()
        is_read = True
    except OSError as error:
        log.error("%s: the recording cannot be read, so that a client begins without it: %s", relay.symbol, error)
    relay.same_store(client)
    if is_read or relay.ring:
        feed.tell_position(client, relay.ring)
    newest = feed.newest(relay.ring)
    if newest is not None:
        client.offer(newest)
    relay.subscribe(client, feed)
