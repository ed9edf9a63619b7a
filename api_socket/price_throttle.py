"""The throttle of one symbol's prices: at most one message per slot, the newest wins."""

from __future__ import annotations


class PriceThrottle:
    """Grants a slot at most every `seconds`; `now` is monotonic."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free_at = float("-inf")

    def wait_seconds(self, now: float) -> float:
        """The time until a slot is free; 0.0 if one is."""
        return max(0.0, self._free_at - now)

    def take(self, now: float) -> None:
        """Use the slot that is free."""
        self._free_at = now + self._seconds
