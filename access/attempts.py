"""Attempts to log in: limited per address and per account, before a hash is computed. Does no I/O.

A password's hash takes a third of a second of a core, so a client that may request many at once occupies the machine.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

from streaming.limits import Rate

V = TypeVar("V")

#: The number allowed at once, and the seconds until one more is allowed. An account, counted over all addresses, gets
#: more: its owner shares them with everyone who guesses its password.
_FROM_ADDRESS, _FROM_ADDRESS_SECONDS = 10, 30
_ON_ACCOUNT, _ON_ACCOUNT_SECONDS = 50, 10

#: This many addresses and accounts are remembered; the one unused for the longest time is forgotten first.
_MOST = 10_000


class Attempts:
    """Counts the attempts that failed or are in progress. For any thread; `now` is a monotonic clock in seconds.

    A user who has logged in from an address is not locked out there by others: only the limit of the address applies.
    """

    def __init__(self) -> None:
        self._addresses: OrderedDict[Hashable, Rate] = OrderedDict()
        self._accounts: OrderedDict[Hashable, Rate] = OrderedDict()
        #: How many of an address's attempts were on an account since it was last logged in to from there.
        self._slips: OrderedDict[tuple[Hashable, str], int] = OrderedDict()
        self._known: OrderedDict[tuple[Hashable, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: Hashable, account: str, now: float) -> tuple[str, int] | None:
        """Count an attempt. Over a limit, returns what has reached it and when to try again, in seconds."""
        with self._lock:
            rate = self._addresses.get(address) or Rate(1 / _FROM_ADDRESS_SECONDS, _FROM_ADDRESS, now)
            _remember(self._addresses, address, rate)
            if not rate.allows(now):
                return f"too many logins failed from {address}", _FROM_ADDRESS_SECONDS
            _remember(self._slips, (address, account), self._slips.get((address, account), 0) + 1)
            if (address, account) in self._known:
                return None
            rate = self._accounts.get(account) or Rate(1 / _ON_ACCOUNT_SECONDS, _ON_ACCOUNT, now)
            _remember(self._accounts, account, rate)
            return None if rate.allows(now) else ("too many logins failed on this account", _ON_ACCOUNT_SECONDS)

    def succeeded(self, address: Hashable, account: str) -> None:
        """The attempt succeeded: those before it on this account were slips. Those on other accounts were not."""
        with self._lock:
            slips = self._slips.pop((address, account), 0)
            if (rate := self._addresses.get(address)) is not None:
                rate.give_back(slips)
            self._accounts.pop(account, None)
            _remember(self._known, (address, account), None)


def _remember(known: OrderedDict[Hashable, V] | OrderedDict[tuple[Hashable, str], V], key: object, value: V) -> None:
    known[key] = value  # type: ignore[index]
    known.move_to_end(key)  # type: ignore[arg-type]
    if len(known) > _MOST:
        known.popitem(last=False)
