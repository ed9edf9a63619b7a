"""The audit: who used a token or signed in, counted by day, in memory until it is written. Does no I/O.

A use is counted, never listed, so nobody can make the audit long by using a token often. What is counted of one kind is
an `Entry`; of these too there are at most so many: after that, addresses are no longer told apart.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

CONNECT, REQUEST, REFUSED, NO_SCOPE = "connect", "request", "refused", "scope refused"
START, CANCEL = "start backtest", "cancel backtest"
SIGN_IN, NO_SIGN_IN, THROTTLED = "sign in", "sign-in refused", "sign-in throttled"
ACTIONS = (CONNECT, REQUEST, REFUSED, NO_SCOPE, START, CANCEL, SIGN_IN, NO_SIGN_IN, THROTTLED)

#: Who it was, where what was presented is no token, or names no account that there is.
UNKNOWN = "unknown"

#: The address of entries beyond the limit.
MANY_ADDRESSES = "many"

#: So many entries wait in a process at most, those of many addresses apart.
_MOST_WAITING = 1_000


class Entry(NamedTuple):
    """What is counted together: a day (UTC), one of ACTIONS, a token or account, and an address."""

    day: date
    action: str
    who: str
    address: str


@dataclass(frozen=True, slots=True)
class Count:
    """How often it happened, and when first and last."""

    times: int
    first_at: datetime
    last_at: datetime

    def plus(self, other: Count) -> Count:
        first_at, last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        return Count(self.times + other.times, first_at, last_at)


class Audit:
    """Counts what waits to be written. For any thread."""

    def __init__(self, most_waiting: int = _MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting: dict[Entry, Count] = {}
        #: What was taken, until it is known to be written or is given back.
        self._lent: list[Mapping[Entry, Count]] = []
        self._lock = threading.Lock()

    def note(self, action: str, who: str, address: object, now: datetime) -> None:
        """Count one use; `now` is in UTC."""
        with self._lock:
            self._add(Entry(now.date(), action, who, str(address)), Count(1, now, now))

    def take(self) -> dict[Entry, Count]:
        """Everything that waits, which the caller now has to write (`written`) or to give back."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
            if taken:
                self._lent.append(taken)
            return taken

    def written(self, taken: Mapping[Entry, Count]) -> None:
        """These are written."""
        with self._lock:
            self._settle(taken)

    def give_back(self, taken: Mapping[Entry, Count]) -> None:
        """These could not be written: they wait again."""
        with self._lock:
            self._settle(taken)
            for entry, count in taken.items():
                self._add(entry, count)

    @property
    def uses(self) -> int:
        """The number of uses that are not known to be written."""
        with self._lock:
            return sum(count.times for counts in (self._waiting, *self._lent) for count in counts.values())

    def _settle(self, taken: Mapping[Entry, Count]) -> None:
        self._lent = [one for one in self._lent if one is not taken]

    def _add(self, entry: Entry, count: Count) -> None:
        if entry not in self._waiting and len(self._waiting) >= self._most_waiting:
            entry = entry._replace(address=MANY_ADDRESSES)
        before = self._waiting.get(entry)
        self._waiting[entry] = count if before is None else before.plus(count)
