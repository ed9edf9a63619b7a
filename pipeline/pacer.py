"""The pacer: when each tick is due."""

from __future__ import annotations

import math

#: A market this far behind (a computer that slept) does not catch up at full speed.
_LATEST_SECONDS = 10.0


class Pacer:
    """Due times a fixed interval apart from one anchor, so that rounding and late ticks never add up to a drift.

    `seconds` is the real time from tick to tick; 0 is flat out. `now` is monotonic and in seconds. The first
    `head_start` ticks are due at once, and the one after them too: it counts from `now` on.
    """

    def __init__(self, seconds: float, now: float, head_start: int = 0) -> None:
        self._seconds, self._anchor, self._ticks = seconds, now, -head_start

    @property
    def flat_out(self) -> bool:
        """Whether the next tick is made without a wait, as none is due at any time."""
        return not self._seconds or self._ticks < 0

    def wait_seconds(self, now: float) -> float:
        """How long from now until the next tick is due; 0.0 if it is due or late."""
        if self.flat_out:
            return 0.0
        due = self._anchor + self._ticks * self._seconds
        if now - due > max(_LATEST_SECONDS, 3 * self._seconds):
            self._anchor, self._ticks, due = now, 0, now
        return max(0.0, due - now)

    def late_seconds(self, now: float) -> float | None:
        """How long the next tick has been due; None flat out, where none is ever due. May be asked from any thread."""
        return None if self.flat_out else max(0.0, now - (self._anchor + self._ticks * self._seconds))

    def overdue_ticks(self, now: float) -> int:
        """How many ticks are due and not made. May be asked from any thread."""
        late_seconds = self.late_seconds(now)
        return 0 if late_seconds is None else math.ceil(late_seconds / self._seconds)

    def ticked(self) -> None:
        """One more tick was made."""
        self._ticks += 1
