"""What the admin's front page tells of the markets: as this process hears them, and else as their rows say."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recorder.models import Market, Segment
from recorder.store.lease import DEAD_SECONDS
from runtime.admin_columns import NOTHING
from runtime.admin_front import BAD, GOOD, QUIET, Block, Cell, Told, duration, front_page, worst
from runtime.admin_words import Words
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

#: Markets on the front page, those that something is wrong with before all others; the list has all.
_MOST = 20

#: The states in the order in which an operator has to know of them.
_TONES = {"silent": BAD, "recording suspended": BAD, "running": GOOD, "stopped": QUIET}
_WORDS = {
    "silent": gettext_lazy("silent"),
    "recording suspended": gettext_lazy("recording suspended"),
    "running": gettext_lazy("running"),
    "stopped": gettext_lazy("stopped"),
}


class Standing(NamedTuple):
    """How one market stands; what is None is not known in this process."""

    symbol: str
    state: str
    newest_t: int | None
    heard_seconds: float | None = None
    clients: int | None = None
    detail: str = ""

    def cells(self) -> list[Cell]:
        heard = NOTHING if self.heard_seconds is None else _("{time} ago").format(time=duration(self.heard_seconds))
        return [
            Cell(self.symbol, address=f"/live/?{urlencode({'symbol': self.symbol})}"),
            Cell(_WORDS[self.state], _TONES[self.state]),
            Cell(NOTHING if self.newest_t is None else f"{self.newest_t:,}", is_number=True),
            Cell(heard, is_number=True),
            Cell(NOTHING if self.clients is None else f"{self.clients:,}", is_number=True),
        ]


def _tell() -> Told:
    rows = list(_rows())
    heard = async_to_sync(_all_heard)() if relays.all() else {}
    found = [_merged(row, heard.get(row.symbol)) for row in rows]
    if not found:
        return Told(Cell(_("No market yet"), QUIET), notes=[_("One appears here with its first start.")])
    shown = sorted(found, key=lambda one: _TONES[one.state] != BAD)[:_MOST]
    notes: list[Words] = [f"{one.symbol}: {one.detail}" for one in shown if one.detail]
    if len(found) > _MOST:
        notes.append(_("More markets are in the list."))
    heads = (_("market"), _("state"), _("newest t"), _("heard"), _("clients here"))
    return Told(_headline(found), heads, [one.cells() for one in shown], notes)


def _headline(found: list[Standing]) -> Cell:
    counts = Counter(one.state for one in found)
    words = [f"{counts[state]} {_WORDS[state]}" for state in _TONES if counts[state]]
    return Cell(", ".join(words), worst(_TONES[state] for state in counts))


def _rows() -> QuerySet[Market]:
    """The markets with their newest recorded t and the age of their lease: one query."""
    ticks = Segment.objects.kept().filter(market=OuterRef("pk"), kind="ticks").order_by("-start_t")
    age = ExpressionWrapper(Now() - F("lease__renewed_at"), DurationField())
    return Market.objects.select_related("lease").annotate(newest_t=Subquery(ticks.values("end_t")[:1]), age=age)


def _merged(row: Any, heard: Standing | None) -> Standing:
    """What was heard, and where nothing was what the rows say."""
    if heard is None:
        return Standing(row.symbol, _state_of_lease(row), row.newest_t)
    return heard._replace(newest_t=row.newest_t) if heard.newest_t is None else heard


def _state_of_lease(row: Any) -> str:
    lease = getattr(row, "lease", None)
    if lease is None or not lease.token or row.age is None:
        return "stopped"
    return "silent" if row.age.total_seconds() > DEAD_SECONDS else "running"


async def _all_heard() -> dict[str, Standing]:
    found = await asyncio.gather(*map(_heard, relays.all()))
    return {one.symbol: one for one in found}


async def _heard(relay: Relay) -> Standing:
    well, body = await relay.health()
    state, clients = state_of(well, body["meta"]), len(relay.feeds.clients())
    return Standing(relay.symbol, state, relay.ring.last_t, relay.silent_seconds, clients, body.get("detail", ""))


def state_of(well: bool, meta: dict[str, Any]) -> str:
    """The state in one word, by the answer of `/health`."""
    if not meta["running"]:
        return "stopped"
    if not well:
        return "silent"
    return "recording suspended" if meta["recording"] is False else "running"


front_page.add(Block(10, "markets", gettext_lazy("Markets"), Market, _tell))
