"""Tables under way: each holds the rows of a batch until its client has taken them, so there are few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Network
from threading import Lock

from runtime.addresses import Address, address_bucket
from runtime.http_errors import HttpError

#: A table holds up to some 15 MB: 65,536 rows, the same rows compressed, and the text of the next ones.
MOST = 8
MOST_PER_ADDRESS = 2


class UnderWay:
    """Counts the tables of a process, in total and by the address of their client."""

    def __init__(self, most: int = MOST, most_per_address: int = MOST_PER_ADDRESS) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._by_address: Counter[Address | IPv6Network] = Counter()
        self._lock = Lock()  # Django may close an answer on another thread than the loop's

    def begin(self, client: Address) -> Callable[[], None]:
        """Count a table; what it returns is to be called at its end, once or more often. Raises HttpError."""
        address = address_bucket(client)
        with self._lock:
            if self._by_address.total() >= self._most:
                raise HttpError(503, "busy", f"{self._most} tables are under way, the most this process makes")
            if self._by_address[address] >= self._most_per_address:
                message = f"{self._most_per_address} tables are under way from {address}, the most for one address"
                raise HttpError(429, "too_many_requests", message)
            self._by_address[address] += 1
        return partial(self._end, [address])

    def _end(self, left: list[Address | IPv6Network]) -> None:
        with self._lock:
            if left:
                self._by_address[left.pop()] -= 1
                self._by_address += Counter()  # keeps only those that have any


under_way = UnderWay()
