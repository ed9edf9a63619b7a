"""Standstill: for how long this process was stopped, or starved, by looks that are a second apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

#: A look that is later than this behind the one before is late.
_LATE_SECONDS = 2.0


class Heard(Protocol):
    """Who was heard last at a time, in monotonic seconds."""

    heard_at: float


class Standstill:
    """For who judges how long others were silent: what they sent meanwhile is not read yet when the process goes on."""

    def __init__(self) -> None:
        self._looked_at = math.inf

    def excuse(self, others: Iterable[Heard], now: float) -> None:
        """Count to the silence of none of them what this look is late; to be called with each, each second."""
        late_seconds, self._looked_at = max(0.0, now - self._looked_at - _LATE_SECONDS), now
        for one in others if late_seconds else ():
            one.heard_at = min(now, one.heard_at + late_seconds)
