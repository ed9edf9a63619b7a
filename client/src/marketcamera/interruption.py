"""Interruption: signals that ask a command to end, taken while it waits and put off while it writes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")

#: Those that there are on this system; Windows sends SIGBREAK where a terminal is closed.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


class Interrupted(BaseException):
    """A signal asked for the end; `status` is what a shell tells of a program ended by it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class Interruption:
    """While this lasts, a signal ends `waiting` by Interrupted and nothing else.

    A signal that comes while an item is being worked on ends the wait for the next. Those that the caller ignores, as
    under nohup, stay ignored. Off the main thread, where Python gives no signals, it does nothing.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._is_waiting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def waiting(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items. Raises Interrupted."""
        iterator = iter(items)
        while True:
            try:
                self._is_waiting = True
                if self._number is not None:
                    raise Interrupted(self._number)
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            finally:
                self._is_waiting = False
            yield item

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        if self._is_waiting:
            self._is_waiting = False
            raise Interrupted(number)
