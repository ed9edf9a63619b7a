"""Channels' layer over Redis, where the network fails in ways that it and the client of Redis do not expect."""

from __future__ import annotations

import asyncio
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import _wrap_close, decode_hosts
from redis.asyncio.client import PubSub


class _Subscription(PubSub):
    """Leaves a connection that the kernel has given up (ETIMEDOUT), as it does where a host vanished without a word.

    To Python that is the same TimeoutError as the end of the wait for a message, and the client takes it for this one.
    It would keep the connection, which raises at once from then on: whoever listens goes round without ever giving way
    to another task, so that the whole process stands still and cannot even be told to stop.
    """

    async def parse_response(self, block: bool = True, timeout: float = 0) -> Any:  # noqa: ASYNC109
        connection: Any = self.connection
        reader = getattr(connection, "_reader", None)
        if reader is not None and isinstance(reader.exception(), TimeoutError):
            await connection.disconnect(nowait=True)  # what follows connects again
        return await super().parse_response(block, timeout)


class _Connection(RedisSingleShardConnection):  # type: ignore[misc]
    def _ensure_redis(self) -> None:
        if self._redis is None:
            super()._ensure_redis()
            client: Any = self._redis
            self._pubsub = _Subscription(client.connection_pool)


class _LayerOfLoop(RedisPubSubLoopLayer):  # type: ignore[misc]
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._shards = [_Connection(host, self) for host in decode_hosts(options["hosts"])]

    async def _subscribe_to_channel(self, channel: str) -> None:
        try:
            await super()._subscribe_to_channel(channel)
        except BaseException:
            # Nobody knows the name of a channel that failed: each try of an outage would leave one behind.
            self.channels.pop(channel, None)
            raise


class RedisLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """`RedisPubSubChannelLayer`, which also outlasts a Redis whose host vanished, or that is away at the start."""

    def _get_layer(self) -> _LayerOfLoop:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _LayerOfLoop(**self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        layer: _LayerOfLoop = self._layers[loop]
        return layer
