"""What is costly to make: made once for all who ask within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")

#: What was made is given to everybody who asks within this time.
FRESH_SECONDS = 1.0


class Shared(Generic[T]):
    """The result of `make`; whoever asks meanwhile waits for the same one. For the loop's thread.

    Its age counts from its end, since `make` may wait before it looks. What it raises is raised for all who wait. The
    next one to ask has it made anew, or with `keeps_failures` is given that too while it is fresh.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[T]],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        keeps_failures: bool = False,
    ) -> None:
        self._make, self._fresh_seconds, self._keeps_failures = make, fresh_seconds, keeps_failures
        self._task: asyncio.Task[T] | None = None
        self._ended_at = float("-inf")

    async def get(self) -> T:
        """The result, at most `fresh_seconds` old. Raises what `make` raises."""
        is_old = time.monotonic() - self._ended_at >= self._fresh_seconds
        if self._task is None or (self._task.done() and is_old):
            # With a context of its own: it is not of the request that asks first.
            self._task = asyncio.get_running_loop().create_task(self._remake(), context=Context())
        return await asyncio.shield(self._task)  # whoever leaves does not end it for the others

    async def _remake(self) -> T:
        self._ended_at = float("-inf")
        try:
            made = await self._make()
        except BaseException:
            if self._keeps_failures:
                self._ended_at = time.monotonic()
            raise
        self._ended_at = time.monotonic()
        return made
