"""A thread that reads items ahead of whoever takes them, up to a bound."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: How often the thread, while its items are not taken, checks whether they are still wanted.
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _End:
    """The items have come to their end, or to an error."""

    error: Exception | None = None


class ReadAhead(Generic[Item]):
    """Takes `items` on a thread of its own, at most `most` ahead; their end or error is handed over like an item."""

    def __init__(self, items: Iterable[Item], most: int, name: str) -> None:
        self._items = items
        self._queue: queue.Queue[Item | _End] = queue.Queue(most)
        self._closed = threading.Event()
        #: Whether all items were taken.
        self.ended = False
        threading.Thread(target=self._read, name=name, daemon=True).start()

    def get(self, seconds: float | None) -> Item | None:
        """The next item; None when none came in time, or will ever come (`ended`). Raises what the items raised."""
        if self.ended:
            return None
        try:
            item = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if not isinstance(item, _End):
            return item
        self.ended = True
        if item.error is not None:
            raise item.error
        return None

    def close(self) -> None:
        """Take no more; whoever waits for an item finds the end. The thread itself ends with its next item."""
        self._closed.set()
        with suppress(queue.Full):
            self._queue.put_nowait(_End())

    def _read(self) -> None:
        end = _End()
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except Exception as error:  # noqa: BLE001 - raised again where the items are taken
            end = _End(error)
        self._put(end)

    def _put(self, item: Item | _End) -> bool:
        """Hand an item over; False when it is not wanted any more."""
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_LOOK_SECONDS)
                return True
            except queue.Full:
                continue
        return False
