"""Standstill: for how long this process was stopped, or starved, by looks that are a second apart."""

from __future__ import annotations

import math

#: A look that is later than this behind the one before is late.
_LATE_SECONDS = 2.0


class Standstill:
    """For who judges how long others were silent: what they sent meanwhile is not read yet when the process goes on."""

    def __init__(self) -> None:
        self._looked_at = math.inf

    def seconds(self, now: float) -> float:
        """How late this look is, 0 if it is in time; to be called with each, `now` in monotonic seconds."""
        late_seconds, self._looked_at = max(0.0, now - self._looked_at - _LATE_SECONDS), now
        return late_seconds
