"""Waiting lines: each is bounded, and one client that fills it does not keep the others out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from contextvars import ContextVar

#: The client for which the present code works, as the limits on addresses know it; None where there is none.
client: ContextVar[Hashable | None] = ContextVar("client", default=None)

#: Of a client that has fewer in a full line one more is let in.
FEW = 4


class WaitingLine:
    """Counts pieces of work, `most` at a time, and as many again of clients that have few of them. Does no I/O."""

    def __init__(self, most: float) -> None:
        self.most = most
        #: How many are in it, whether they could be refused or not.
        self.taken = 0
        self._of_client: Counter[Hashable | None] = Counter()

    def has_room(self, client: Hashable | None) -> bool:
        """Whether one more of a client is let in; of no client, only while the line is not full."""
        if self.taken < self.most:
            return True
        return client is not None and self._of_client[client] < FEW and self._of_client.total() < 2 * self.most

    def enter(self, client: Hashable | None) -> None:
        """One more of a client, that could be refused."""
        self.taken += 1
        self._of_client[client] += 1

    def leave(self, client: Hashable | None) -> None:
        """One of a client is done."""
        self.taken -= 1
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]
