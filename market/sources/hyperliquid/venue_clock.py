"""The venue's clock, as its messages tell it here."""

from __future__ import annotations

import math

#: For how long the fastest message counts at least: clocks drift by less than a millisecond in it.
_WINDOW_SECONDS = 60.0


class VenueClock:
    """Estimates the venue's time by the messages that took least time to come here.

    A message that tells its time arrives later by the difference of the two clocks and by what the way took. The least
    of that within the last one or two minutes is taken for what every message needs, so that the estimate is late by
    the shortest way, and does not depend on whether the clock of this host is right. `now` is of a monotonic clock.
    """

    def __init__(self) -> None:
        self._least = self._least_before = math.inf
        self._began = -math.inf

    def hear(self, time: float, now: float) -> None:
        """A message of that time (Unix seconds) has arrived."""
        if now - self._began >= _WINDOW_SECONDS:
            self._least_before, self._least, self._began = self._least, math.inf, now
        self._least = min(self._least, now - time)

    def at(self, now: float) -> float | None:
        """The venue's time (Unix seconds), None before anything was heard."""
        least = min(self._least, self._least_before)
        return None if least == math.inf else now - least
