"""Back-off: how long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Waits that double from `first_seconds` to `most_seconds`, each shortened at random by up to half.

    The jitter keeps a thousand clients of one restarted server from coming back at the same instant. `chance` gives
    numbers from 0 to 1.
    """

    def __init__(
        self, first_seconds: float = 0.25, most_seconds: float = 15.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first, self._most, self._chance = first_seconds, most_seconds, chance
        self.attempts = 0

    def next_seconds(self) -> float:
        """The wait before the next attempt, which this counts."""
        whole = min(self._most, self._first * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        return whole * (1.0 - self._chance() / 2)

    def succeeded(self) -> None:
        """Begin anew: the connection works."""
        self.attempts = 0
