"""Subscribers whose sockets are lists."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from api_socket.subscriber import Subscriber


class Listener(Subscriber):
    """A subscriber that reads all it is sent, while `open` is set."""

    def __init__(self, most_bytes: int = 1 << 20, token: int = 1) -> None:
        self.messages: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        super().__init__(self._take, token, most_bytes, raw=False)
        self.pumping = asyncio.create_task(self.pump())

    async def _take(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        self.messages.append(json.loads(message["text"]))


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)
