"""What is newest of each market's recording, found at most once a second for all who ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime import pools
from runtime.db_threads import detached
from runtime.shared import Shared
from streaming.relay.relay import Relay

T = TypeVar("T")


def shared(work: Callable[[], T]) -> Shared[T]:
    """The result of some work on the recording, or its failure; `get` raises pools.Busy, and what the work raises."""
    return Shared(partial(pools.past.run, detached, work), keeps_failures=True)


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
            known = self._of[relay.symbol] = (relay.store_id, shared(self._begin(relay.history)))
        return known[1]
