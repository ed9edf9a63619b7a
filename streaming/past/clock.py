"""The clock of a replay: which market time it is there, and how long until a message is due."""

from __future__ import annotations

import math

#: A market that was down, an old tape behind newer ticks, a time in another unit: none holds a replay up for longer.
MOST_PAUSE_SECONDS = 5.0

#: Messages may come a little out of the order of their time.
_MOST_LATE_SECONDS = 60.0


class ReplayClock:
    """Market time against the monotonic clock, at `speed` market seconds a second; 0 never waits.

    It counts from the first message after its start, or after a seek, which is due at once. Every `now` is in monotonic
    seconds, every `ts` in market seconds.
    """

    def __init__(self, speed: float, now: float) -> None:
        self._speed = speed
        self._ts: float | None = None  # of the message that was asked about last
        self._usual_seconds = 0.0
        self._due = now
        self._left: float | None = None  # while paused: seconds until that message is due

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def paused(self) -> bool:
        return self._left is not None

    def due(self, ts: float, now: float, usual_seconds: float = 0.0) -> float:
        """How many seconds from now a message is due: 0 or less if it is, infinity while paused.

        To be called with one message after the other, and as often as needed with the same. Whatever `ts` does between
        two messages, the second is due at most MOST_PAUSE_SECONDS after the first; `usual_seconds` of market time may
        lie between them without being a gap, as between two bars of an hour. A replay that was held up goes on at most
        MOST_PAUSE_SECONDS late.
        """
        if self._ts is None:
            self._ts, self._due = ts, now
        step = ts - self._ts
        if step > 0:
            self._usual_seconds = usual_seconds
            self._delay(self._bounded(step / self._speed if self._speed else 0.0), now)
        if step > 0 or step < -_MOST_LATE_SECONDS:  # an old tape goes on from where it is
            self._ts = ts
        if self.paused:
            return math.inf
        return self._due - now if self._speed else 0.0

    def pause(self, now: float) -> None:
        """Stop; what was due by now is due when it goes on."""
        self._left = self._left_seconds(now)

    def play(self, now: float, speed: float | None = None) -> None:
        """Go on, at another speed if one is given; what waits is due earlier or later by it."""
        left, former = self._left_seconds(now), self._speed
        self._speed = former if speed is None else speed
        if self._speed != former:
            left = self._bounded(left * former / self._speed) if self._speed else 0.0
        self._due, self._left = now + left, None

    def seek(self) -> None:
        """Forget where it was: the next message is due at once, or as soon as it plays again."""
        self._ts = None
        if self.paused:
            self._left = 0.0

    def market_ts(self, now: float) -> float | None:
        """The market time at a moment, never beyond the message that was asked about last; None before the first."""
        return None if self._ts is None else self._ts - self._left_seconds(now) * self._speed

    def _left_seconds(self, now: float) -> float:
        return max(0.0, self._due - now) if self._left is None else self._left

    def _delay(self, seconds: float, now: float) -> None:
        if self._left is None:
            self._due = max(self._due, now - MOST_PAUSE_SECONDS) + seconds
        else:
            self._left += seconds

    def _bounded(self, seconds: float) -> float:
        """The wait for a message, no longer than a gap may cost."""
        usual = self._usual_seconds / self._speed if self._speed else 0.0
        return min(seconds, max(usual, MOST_PAUSE_SECONDS))
