"""The system bus: reports and events, from any process to every web process."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from runtime.announced import Announced
from streaming.group.membership import LAYER_ERRORS
from streaming.group.publisher import Publisher

log = logging.getLogger(__name__)

GROUP = "system"

#: A broker that hangs delays an immediate message for at most this long.
_SEND_SECONDS = 3.0


class Bus:
    """Publishes from any thread: on the loop of this process if it has one, otherwise immediately."""

    def __init__(self) -> None:
        self._publisher: Publisher | None = None
        self._layer = Announced(log)

    def use(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on publish on this loop, the one that this process's channel layer belongs to."""
        self._publisher = Publisher("", get_channel_layer(), loop, group=GROUP)

    def drain(self, seconds: float) -> bool:
        """Wait, off the loop, until everything is sent; returns whether it was. Later messages are sent immediately."""
        publisher, self._publisher = self._publisher, None
        return publisher is None or publisher.drain(seconds)

    def publish(self, message: dict[str, Any]) -> None:
        """Send a message to every web process; what cannot be sent is lost, and logged once."""
        message = {"type": "system", **message}
        if self._publisher is not None:
            self._publisher.publish(message)
        elif settings.CONFIG.redis_url:  # without it no other process could receive it
            self._send_now(message)

    def _send_now(self, message: dict[str, Any]) -> None:
        lost = message["channel"]
        if _in_a_loop():  # of a task that `drain` came before: a loop must not wait for itself
            log.info("this process ends, a message of %s is not sent any more", lost)
            return
        try:
            async_to_sync(_send)(message)
        except LAYER_ERRORS as error:
            why = str(error) or type(error).__name__
            self._layer.lost("the channel layer is unavailable, a message of %s is lost, and maybe more: %s", lost, why)
        else:
            self._layer.back("the channel layer is back")


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _send(message: dict[str, Any]) -> None:
    """Raises the errors in LAYER_ERRORS, including TimeoutError."""
    async with asyncio.timeout(_SEND_SECONDS):
        await get_channel_layer().group_send(GROUP, message)


_bus = Bus()
use, drain, publish = _bus.use, _bus.drain, _bus.publish
