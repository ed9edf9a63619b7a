"""The price ranges in the status of messages: all of them now and then, the newest one in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: How often all of many ranges are told. A web process that joins knows them after this time.
_ALL_SECONDS = 1.0

#: So few cost nothing: each message has them all.
_FEW = 8


class ToldPrices:
    """What the status says of a market's price ranges, of which `listed` gives (first t, low, high) of each run.

    With five hundred runs they are 12 kB, ten times as much as the tick beside them. `price_ranges` has all of them
    once a second and in the first message; where it is left out, `newest_prices` tells what may have changed.
    """

    def __init__(self, listed: Callable[[], list[tuple[int, float, float]]]) -> None:
        self._listed, self._told_at = listed, float("-inf")

    def at(self, now: float) -> dict[str, Any]:
        """The fields of a status at this time, in seconds of a monotonic clock."""
        ranges = self._listed()
        if len(ranges) > _FEW and now - self._told_at < _ALL_SECONDS:
            return {"newest_prices": ranges[-1]}
        self._told_at = now
        return {"price_ranges": ranges}
