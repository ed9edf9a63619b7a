"""Limits: how many sockets, from which addresses, and how many messages a client may send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network
from typing import Any

from runtime.addresses import Address, address_bucket
from streaming.protocol import CLOSE_LIMIT, StreamError

#: A stream client sends only pings. It has no use for more messages, or for longer ones.
MESSAGES_A_SECOND = 20.0
MOST_MESSAGE_BYTES = 4096
_BURST = 100.0

CLOSE_TOO_LARGE = 1009

#: A key of a WebSocket scope's extensions: why the server cannot take one more, None if it can.
REFUSED = "market_camera.refused"


def check_admitted(scope: dict[str, Any]) -> None:
    """Raises StreamError if the server has no room for this socket."""
    refusal = (scope.get("extensions") or {}).get(REFUSED)
    if refusal is not None:
        raise StreamError("too_many_connections", refusal, CLOSE_LIMIT)


@contextmanager
def counted(by_address: Counter[Address | IPv6Network], address: Address | IPv6Network) -> Iterator[None]:
    """Count one more of an address while it lasts; addresses that have none are not kept."""
    by_address[address] += 1
    try:
        yield
    finally:
        by_address[address] -= 1
        if not by_address[address]:
            del by_address[address]


class Connections:
    """Counts the sockets of this process."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._by_address: Counter[Address | IPv6Network] = Counter()
        self.open = 0

    @contextmanager
    def admit(self, client: Address) -> Iterator[None]:
        """Count a socket while it is open. Raises StreamError over a limit."""
        address = address_bucket(client)
        if self.open >= self._most:
            detail = f"{self.open} connections are open, the most this process takes"
            raise StreamError("too_many_connections", detail, CLOSE_LIMIT)
        if self._by_address[address] >= self._most_per_address:
            detail = f"{self._by_address[address]} connections are open from {address}, the most for one address"
            raise StreamError("too_many_connections", detail, CLOSE_LIMIT)
        self.open += 1
        try:
            with counted(self._by_address, address):
                yield
        finally:
            self.open -= 1


class Replays:
    """Counts the replays of this process.

    They may go on for ever, so an address that has some gets no more than are left: one alone has half of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_address: Counter[Address | IPv6Network] = Counter()

    @property
    def open(self) -> int:
        """How many are under way."""
        return self._by_address.total()

    @contextmanager
    def admit(self, client: Address) -> Iterator[None]:
        """Count a replay while it is under way. Raises StreamError over a limit."""
        address = address_bucket(client)
        held, left = self._by_address[address], self._most - self.open
        if left <= 0:
            raise _too_many_replays(f"{self.open} replays are under way, the most this process takes")
        if held and held >= left:
            share = f"its share while {left} of {self._most} are left"
            raise _too_many_replays(f"{held} replays are under way from {address}, {share}")
        with counted(self._by_address, address):
            yield


def _too_many_replays(detail: str) -> StreamError:
    return StreamError("too_many_replays", detail, CLOSE_LIMIT)


class Rate:
    """A token bucket: `rate` messages a second over time, `burst` at once."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._tokens, self._at = rate, burst, burst, now

    def allows(self, now: float) -> bool:
        """Whether one more message at this time is within the rate."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def give_back(self, count: int) -> None:
        """So many messages shall not have counted."""
        self._tokens = min(self._burst, self._tokens + count)


def talk_rate(now: float) -> Rate:
    """The rate a stream client must keep."""
    return Rate(MESSAGES_A_SECOND, _BURST, now)


def check_size(message: dict[str, Any]) -> None:
    """Raises StreamError for a client's message that is too long."""
    size = len(message.get("text") or message.get("bytes") or b"")
    if size > MOST_MESSAGE_BYTES:
        detail = f"a message may have {MOST_MESSAGE_BYTES} bytes here, got {size}"
        raise StreamError("message_too_large", detail, CLOSE_TOO_LARGE)
