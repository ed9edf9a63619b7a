"""Deadlines of connections: finds those whose time is up without looking at the others."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from enum import Enum, auto
from typing import Generic, TypeVar

One = TypeVar("One", bound=Hashable)


class Deadline(Enum):
    """What has to happen on a connection in time."""

    HEAD = auto()  # a request's line and headers arrive
    BODY = auto()  # the next part of its body arrives
    IDLE = auto()  # the next request begins
    END = auto()  # the client ends the connection that we have ended


class Deadlines(Generic[One]):
    """Connections by what is due on them, each with its `seconds`. These are constant: the oldest is late first."""

    def __init__(self, seconds: Mapping[Deadline, float]) -> None:
        self.seconds = dict(seconds)
        self.between_looks_seconds = min(1.0, *(one / 4 for one in seconds.values()))
        self._queues: dict[Deadline, OrderedDict[One, float]] = {due: OrderedDict() for due in seconds}
        self._due: dict[One, Deadline] = {}
        self._looked_at = math.inf

    def begin(self, one: One, due: Deadline, now: float) -> None:
        """From `now` on `due` is due on the connection, and nothing else."""
        self.end(one)
        self._due[one] = due
        self._queues[due][one] = now + self.seconds[due]

    def end(self, one: One) -> None:
        """Nothing is due on the connection any more."""
        due = self._due.pop(one, None)
        if due is not None:
            del self._queues[due][one]

    def due_on(self, one: One) -> Deadline | None:
        return self._due.get(one)

    def missed(self, now: float) -> Iterator[tuple[One, Deadline]]:
        """Each connection whose time is up, with what was due; it is removed.

        To be called every `between_looks_seconds`. A call that comes late judges by the time at which it was to come:
        the process stood still, and what clients sent meanwhile is read before anybody is late.
        """
        now, self._looked_at = min(now, self._looked_at + 2 * self.between_looks_seconds), now
        for due, queue in self._queues.items():
            while queue and next(iter(queue.values())) <= now:
                one, _ = queue.popitem(last=False)
                del self._due[one]
                yield one, due
