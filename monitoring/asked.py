"""A question to something that may be away or hang: asked seldom, once at a time, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from runtime.shared import Shared
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
        self._patience_seconds = patience_seconds
        self._shared = Shared(self._look, fresh_seconds=fresh_seconds)

    async def answer(self) -> T | None:
        """The answer, at most `fresh_seconds` old; None if there is none in time."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._shared.get()
        except TimeoutError:
            return None

    async def _look(self) -> T | None:
        with supervisor.guarded(f"figures of {self.name}"):
            try:
                return await self._ask()
            except self._expected as error:  # its absence is what the scrape shows
                log.debug("%s gives no figures: %s", self.name, error)
        return None
