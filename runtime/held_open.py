"""What stays open while a thread works with it, such as a file that is read, and closes without a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class HeldOpen:
    """Has `close` called at once, or, while a thread is at work, by that thread when it is done.

    A file's own `close` waits for a read under way, and a disk that hangs answers none. One thread works at a time.
    """

    def __init__(self, close: Callable[[], object]) -> None:
        self._close, self._at_work, self._is_over = close, threading.Lock(), False

    def during(self, work: Callable[..., T], *arguments: Any) -> T:
        """Returns the result of the work, for which it stays open."""
        try:
            with self._at_work:
                return work(*arguments)
        finally:
            if self._is_over:
                self.close()

    def close(self) -> None:
        """From any thread, also more than once: `close` may then be called again."""
        self._is_over = True
        if self._at_work.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._at_work.release()
