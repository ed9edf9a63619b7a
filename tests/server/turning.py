"""A loop that turns when told to, and a transport without a socket."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Loop:
    """A loop whose time goes on by `step` at each look at it, and to the next callback when it is turned."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def time(self) -> float:
        self.now += self.step
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._numbers), call))

    def turn(self) -> bool:
        """Run what is due next, if anything is."""
        if not self._due:
            return False
        when, _, call = heapq.heappop(self._due)
        self.now = max(self.now, when)
        call()
        return True

    def run(self) -> None:
        while self.turn():
            pass


class Transport:
    """Takes what is written, and notes whether it is read and how it ended."""

    def __init__(self) -> None:
        self.reads = True
        self.written = b""
        self.ends: list[str] = []
        #: Whether its place may be given to another client.
        self.waits = False
        self.place = SimpleNamespace(wait=self._wait)

    def _wait(self) -> None:
        self.waits = True

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's names)
        self.reads = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.reads = True

    def write(self, data: bytes) -> None:
        self.written += data

    def getPeer(self) -> Any:  # noqa: N802
        return SimpleNamespace(host="192.0.2.1", port=40_001)

    getHost = getPeer  # noqa: N815

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802
        pass

    def unregisterProducer(self) -> None:  # noqa: N802
        pass

    def loseConnection(self) -> None:  # noqa: N802
        self.ends.append("lost")

    def loseWriteConnection(self) -> None:  # noqa: N802
        self.ends.append("half")

    def abortConnection(self) -> None:  # noqa: N802
        self.ends.append("aborted")
