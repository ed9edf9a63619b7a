"""Requests in progress: limits their number, in total and per client. Does no I/O.

Each request holds memory, perhaps a file, and a turn of everything that answers it. As with sets of options, a client
gets a share of those that are left, so that few clients cannot keep out all others: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from http import HTTPStatus
from typing import NamedTuple

from runtime.measured import limits_reached

#: A client with requests in progress may begin another while it has fewer than those that are left, divided by this.
_SHARE = 3


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: HTTPStatus
    code: str
    message: str


class Requests:
    """Counts the requests of a process, each from its headers to the end of its answer or of its connection."""

    def __init__(self, most: int, most_per_client: int) -> None:
        self._most, self._most_per_client = most, most_per_client
        self._by_client: Counter[Hashable] = Counter()
        self.open = 0

    def begin(self, client: Hashable | None) -> Refusal | None:
        """Count a request (of no client while a proxy names none), or return why there is no room for it."""
        held = 0 if client is None else self._by_client.get(client, 0)
        left = self._most - self.open
        if left <= 0:
            limits_reached["requests"] += 1
            message = f"{self.open} requests are under way, the most this process takes"
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message)
        if held >= self._most_per_client:
            return _too_many(f"{held} requests are under way from {client}, the most for one address")
        if held and held * _SHARE >= left:
            share = f"its share while {left} of {self._most} are left"
            return _too_many(f"{held} requests are under way from {client}, {share}")
        self.open += 1
        if client is not None:
            self._by_client[client] += 1
        return None

    def end(self, client: Hashable | None) -> None:
        """A counted request has ended."""
        self.open -= 1
        if client is not None:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]


def _too_many(message: str) -> Refusal:
    limits_reached["requests_per_address"] += 1
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", message)
