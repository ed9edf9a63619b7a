"""What this process counts of each market's stream; it outlives the relays, one of which may replace another."""

from __future__ import annotations

from collections import Counter
from functools import cache

from runtime.measured import Histogram

#: The reasons of gaps that have a count of their own. A tape may hold others: `OTHER`.
REASONS = ("slow", "lost", "expired", "damaged", "elsewhere", "store_changed")
OTHER = "other"


class StreamCounts:
    """The counts of one market. For the loop's thread, but for `gaps`, which others add to as well.

    `direct`: the time from a tick to the moment when the last client that keeps up had it on its socket, once for each
    set of options. `behind`: the same for what waited in an outbox, once for each piece of data handed to a socket.
    """

    def __init__(self) -> None:
        self.direct, self.behind = Histogram(), Histogram()
        self.dropped = 0
        self.gaps: Counter[str] = Counter()

    def tell_gap(self, reason: str, clients: int = 1) -> None:
        """Count a gap that is announced to clients."""
        self.gaps[reason if reason in REASONS else OTHER] += clients


@cache
def counts_of(symbol: str) -> StreamCounts:
    """The counts of a market that exists."""
    return StreamCounts()
