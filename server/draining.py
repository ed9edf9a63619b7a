"""The time between the announcement that a process stops and its end: whoever asks for readiness sends clients away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from runtime.stopping import stopping


class Draining:
    """Everything is served as ever meanwhile. For the loop's thread."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._cut_short = asyncio.Event()

    def end(self) -> None:
        """Wait no longer: it was told to stop a second time."""
        self._cut_short.set()

    async def wait(self) -> None:
        stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self._cut_short.wait()


async def ended(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    """Wait for the end of tasks, at most this long."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
