"""The rush behind a standstill: what waited for a process that stood still comes all at once when it goes on."""

from __future__ import annotations

import math

from streaming.fanout.backpressure import Backpressure

#: A look that comes this long after the one before tells of a standstill: the process was stopped, or starved.
_STANDSTILL_SECONDS = 3.0

#: By then everything that waited has come.
_RUSH_SECONDS = 10.0


class Rush:
    """Tells whether what waited may be coming; `now` is in monotonic seconds.

    A rush has one `backpressure`, so that for slow clients nobody waits longer than that allows, however it comes.
    """

    def __init__(self) -> None:
        self._looked_at, self._until = math.inf, -math.inf
        self.backpressure = Backpressure()

    def look(self, now: float) -> None:
        """To be called every second."""
        self._note(now)
        self._looked_at = now

    def is_on(self, now: float) -> bool:
        """Whether the process stood still a moment ago, which may show before the next look."""
        self._note(now)
        return now < self._until

    def _note(self, now: float) -> None:
        if now - self._looked_at > _STANDSTILL_SECONDS:
            if now >= self._until:
                self.backpressure = Backpressure()
            self._until = now + _RUSH_SECONDS
