"""How copying to the cold store is going, by the database: what a web process tells of it."""

from __future__ import annotations

from typing import NamedTuple

from recorder.cold.state_row import ColdState
from recorder.models import Segment

#: More segments than this are not counted.
_MOST_COUNTED = 10_000


class Status(NamedTuple):
    """How many finished segments of a market wait to be copied, and why they are not, "" if they are."""

    waiting: int
    reason: str


#: By market, what the last `look` of this process found.
known: dict[str, Status] = {}


def look() -> dict[str, Status]:
    """The status of each market that is copied. Raises django.db.Error."""
    states = ColdState.objects.values_list("market__symbol", "reason")
    found = {symbol: Status(_waiting(symbol), reason) for symbol, reason in states}
    known.clear()
    known.update(found)
    return found


def _waiting(symbol: str) -> int:
    return Segment.objects.of(symbol).uncopied()[:_MOST_COUNTED].count()
