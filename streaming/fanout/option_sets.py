"""Sets of options in use: each is prepared once per message, so their number bounds the work of a process.

How and why they are shared among addresses: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network

from runtime.addresses import Address, address_bucket
from streaming.limits import counted
from streaming.options import Options
from streaming.protocol import CLOSE_LIMIT, StreamError

MOST_SETS = 64
MOST_SETS_PER_ADDRESS = 16

#: An address that has sets may add one while it has fewer than the sets that are left, divided by this.
_SHARE = 3


class OptionSets:
    """Counts the sets that clients of this process use, except those `always` served."""

    def __init__(self, always: Collection[Options]) -> None:
        self._always = frozenset(always)
        self._users: dict[Options, Counter[Address | IPv6Network]] = {}

    @contextmanager
    def use(self, options: Options, client: Address) -> Iterator[None]:
        """Count a set while the client has it. Raises StreamError over the limit."""
        if options in self._always:
            yield
            return
        address = address_bucket(client)
        if options not in self._users:  # else one more user costs nothing
            self._check(address)
        users = self._users.setdefault(options, Counter())
        try:
            with counted(users, address):
                yield
        finally:
            if not users:
                del self._users[options]

    def _check(self, address: Address | IPv6Network) -> None:
        """Whether the address may bring in a set that no client uses. Raises StreamError."""
        held, left = sum(address in users for users in self._users.values()), MOST_SETS - len(self._users)
        if not left:
            raise _refused(f"{MOST_SETS} different sets of options are being served, the most a process takes")
        if held >= MOST_SETS_PER_ADDRESS:
            raise _refused(f"{held} different sets of options are in use from {address}, the most for one address")
        if held and held * _SHARE >= left:
            raise _refused(
                f"{held} different sets of options are in use from {address}, its share while {left} of"
                f" {MOST_SETS} are left"
            )


def _refused(detail: str) -> StreamError:
    return StreamError("too_many_options", detail, CLOSE_LIMIT)
