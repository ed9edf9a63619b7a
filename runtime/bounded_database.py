"""Queries from the event loop: on a pool of threads, with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError

from runtime.db_threads import detached
from runtime.pools import Pool

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Database:
    """Runs queries on the threads of a pool. A database that hangs occupies these threads, and no others."""

    def __init__(self, pool: Pool, patience_seconds: float) -> None:
        self._pool, self._patience_seconds = pool, patience_seconds

    async def ask(
        self, question: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Returns the result of the function. Raises django.db.Error, also if no result came in time."""
        try:
            # Not `wait_for`, which loses a cancellation that comes with the result.
            async with asyncio.timeout(self._patience_seconds):
                return await self._pool.go_on(lambda: detached(lambda: question(*args, **kwargs)))
        except TimeoutError:
            raise OperationalError(f"no answer within {self._patience_seconds:g} s") from None
