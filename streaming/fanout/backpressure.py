"""Backpressure: hands out what an outage left behind no faster than clients take it."""

from __future__ import annotations

import asyncio
from weakref import WeakSet

from streaming.fanout.feed import Client

#: A client without room for this long is slow and is not waited for; the second value bounds the wait for all clients.
_PATIENCE_SECONDS = 1.0
_MOST_SECONDS = 5.0
_LOOK_SECONDS = 0.01


class Backpressure:
    """Waits, within limits, until every client that keeps up has taken what it was offered."""

    def __init__(self) -> None:
        self._left_seconds = _MOST_SECONDS
        self._slow: WeakSet[Client] = WeakSet()

    async def wait(self, clients: list[Client]) -> None:
        await asyncio.sleep(0)
        waited = 0.0
        while behind := [client for client in clients if not client.has_room() and client not in self._slow]:
            if waited >= _PATIENCE_SECONDS or self._left_seconds <= 0:
                self._slow.update(behind)
                return
            await asyncio.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
            self._left_seconds -= _LOOK_SECONDS
