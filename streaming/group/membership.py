"""Membership: the one membership of this process in a channel group, maintained across failures of the layer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from runtime.announced import Announced

log = logging.getLogger(__name__)


def _layer_errors() -> tuple[type[Exception], ...]:
    """Redis' own errors where it is in use; its client takes a tenth of a process's start."""
    if not settings.CONFIG.redis_url:
        return (OSError,)
    from redis.exceptions import RedisError

    return (OSError, RedisError)


#: What a channel layer raises while its broker is unavailable.
LAYER_ERRORS = _layer_errors()

#: A restart of Redis, or the deletion of its keys, ends memberships; joining again is harmless.
_REJOIN_SECONDS = 30.0
_RETRY_SECONDS = 1.0


def group_name(symbol: str) -> str:
    """The channel group of a market. Symbols hold only characters that group names may hold."""
    return f"market.{symbol}"


class Membership:
    """Joins a group and hands each of its messages to `take`, on the loop; `joined` is set once it is in."""

    def __init__(self, group: str, take: Callable[[dict[str, Any]], None], joined: asyncio.Event) -> None:
        self._group, self._take, self._joined = group, take, joined
        self._layer = Announced(log)

    async def stay(self) -> None:
        """Stay in the group until cancelled; retry a layer that fails. Raises what `take` raises."""
        layer = get_channel_layer()
        while True:
            try:
                await self._listen(layer)
            except LAYER_ERRORS as error:
                self._layer.lost("%s: the relay lost the channel layer and tries again: %s", self._group, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, layer: Any) -> None:
        channel = await layer.new_channel("relay")
        rejoin = asyncio.create_task(self._rejoin(layer, channel))
        receive = asyncio.create_task(self._receive(layer, channel))
        try:
            await asyncio.wait((rejoin, receive), return_when=asyncio.FIRST_COMPLETED)
            for task in (rejoin, receive):
                if task.done():
                    task.result()  # both run for ever, so one that is done has failed
        finally:
            for task in (rejoin, receive):
                task.cancel()
            await asyncio.gather(rejoin, receive, return_exceptions=True)
            with suppress(*LAYER_ERRORS):  # its error would stand in for what ended this, a cancellation for one
                await layer.group_discard(self._group, channel)

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            self._layer.back("%s: the relay hears the channel layer again", self._group)
            self._take(message)

    async def _rejoin(self, layer: Any, channel: str) -> None:
        while True:
            await layer.group_add(self._group, channel)
            self._joined.set()
            await asyncio.sleep(_REJOIN_SECONDS)
