"""A text that is costly to make: made once for all who ask within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

#: A text is given to everybody who asks within this time.
FRESH_SECONDS = 1.0


class SharedText:
    """`make` makes the text; whoever asks meanwhile waits for the same one. For the loop's thread.

    Its age counts from its end, since `make` may wait before it looks. What it raises is raised for all who wait, and
    the next one to ask has it made anew.
    """

    def __init__(self, make: Callable[[], Awaitable[bytes]], *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._make, self._fresh_seconds = make, fresh_seconds
        self._text = b""
        self._made_at = float("-inf")
        self._making: asyncio.Task[None] | None = None

    async def get(self) -> bytes:
        """The text, at most `fresh_seconds` old. Raises what `make` raises."""
        if time.monotonic() - self._made_at >= self._fresh_seconds:
            if self._making is None or self._making.done():
                self._making = asyncio.get_running_loop().create_task(self._remake(), context=Context())
            await asyncio.shield(self._making)  # whoever leaves does not end it for the others
        return self._text

    async def _remake(self) -> None:
        self._text = await self._make()
        self._made_at = time.monotonic()
