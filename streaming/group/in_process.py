"""The channel layer of a process that has no other beside it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


class InProcessLayer(InMemoryChannelLayer):  # type: ignore[misc]
    """Channels' in-memory layer without what costs most of a message there: a deep copy and a task for each member, and
    a search for what has expired.

    Nothing expires here. That would go by the host's clock, and one that leaps a day ahead would silence every client;
    nor is there anything to clean up, since members leave their group when they end. All members get the same message,
    which nobody changes.
    """

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Give a message to one channel. Raises ChannelFull if its last `capacity` messages were not taken yet."""
        try:
            self._queue(channel).put_nowait(message)
        except asyncio.QueueFull:
            raise ChannelFull(channel) from None

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message of a channel, as soon as there is one."""
        return await self._queue(channel).get()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Give a message to every member; one whose channel is full lacks it."""
        for channel in list(self.groups.get(group, ())):
            with suppress(ChannelFull):
                await self.send(channel, message)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave a group; what was not taken is gone."""
        await super().group_discard(group, channel)
        self.channels.pop(channel, None)

    def _queue(self, channel: str) -> asyncio.Queue[dict[str, Any]]:
        channels: dict[str, asyncio.Queue[dict[str, Any]]] = self.channels
        if channel not in channels:
            channels[channel] = asyncio.Queue(self.capacity)
        return channels[channel]
