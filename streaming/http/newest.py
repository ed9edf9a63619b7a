"""What is newest of each market's recording, found at most once a second for all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Generic, TypeVar

from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime import pools
from runtime.db_threads import detached
from streaming.relay.relay import Relay

T = TypeVar("T")

_FRESH_SECONDS = 1.0


class Shared(Generic[T]):
    """The result of some work on the recording, done at most once a second, whoever asks. For the loop's thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._done_at = float("-inf")

    async def get(self) -> T:
        """Raises pools.Busy, and the errors of the work."""
        now = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now - self._done_at >= _FRESH_SECONDS):
            self._task = asyncio.create_task(self._do(), context=Context())  # not that of who asked first
        return await asyncio.shield(self._task)

    async def _do(self) -> T:
        try:
            return await pools.past.run(detached, self._work)
        finally:
            self._done_at = asyncio.get_running_loop().time()


class Newest(Generic[T]):
    """What is newest of each market's recording: `begin` makes the work of a recording. For the loop's thread."""

    def __init__(self, begin: Callable[[History], Callable[[], T]]) -> None:
        self._begin = begin
        self._of: dict[str, tuple[str | None, Shared[T]]] = {}

    async def newest(self, relay: Relay) -> T:
        """That of the recording that is there now. Raises OSError, django.db.Error, pools.Busy."""
        try:
            return await self._shared(relay).get()
        except OtherStore as other:
            relay.enter(other.store_id)
        return await self._shared(relay).get()

    def _shared(self, relay: Relay) -> Shared[T]:
        known = self._of.get(relay.symbol)
        if known is None or known[0] != relay.store_id:
            known = self._of[relay.symbol] = (relay.store_id, Shared(self._begin(relay.history)))
        return known[1]
