"""A question to something that may be away or hang: asked seldom, once at a time, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

from runtime.supervision import supervisor

log = logging.getLogger(__name__)

T = TypeVar("T")

#: An answer is given to everybody who asks within this time.
FRESH_SECONDS = 5.0

#: How long an answer may wait for one that is under way; Prometheus gives a scrape 10 s.
PATIENCE_SECONDS = 2.0


class Asked(Generic[T]):
    """`ask` gives the answer, or raises one of `expected`, while what is asked is away. For the loop's thread.

    A question that hangs is left as it is, and no other one is asked beside it.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        expected: tuple[type[Exception], ...],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.name, self._ask, self._expected = name, ask, expected
        self._fresh_seconds, self._patience_seconds = fresh_seconds, patience_seconds
        self._found: T | None = None
        self._found_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def answer(self) -> T | None:
        """The answer, at most `fresh_seconds` old; None if there is none in time."""
        if time.monotonic() - self._found_at >= self._fresh_seconds:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.get_running_loop().create_task(self._look(), context=Context())
            await asyncio.wait({self._asking}, timeout=self._patience_seconds)
            if not self._asking.done():
                return None
        return self._found

    async def _look(self) -> None:
        self._found = None
        with supervisor.guarded(f"figures of {self.name}"):
            try:
                self._found = await self._ask()
            except self._expected as error:  # its absence is what the scrape shows
                log.debug("%s gives no figures: %s", self.name, error)
        self._found_at = time.monotonic()
