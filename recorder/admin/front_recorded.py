"""What the admin's front page tells of runs, of copies to the bucket that wait, and of digests that are missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from recorder.admin.runs import LARGEST_T, length_of, seed_of, with_ends
from recorder.cold.state_row import ColdState
from recorder.digests.chunk_row import UNDIGESTED
from recorder.models import Market, Run, Segment, SegmentQuerySet
from recorder.segment.layout import KINDS
from recorder.store.lease import DEAD_SECONDS
from runtime.admin_front import BAD, GOOD, QUIET, WARN, Block, Cell, Told, ago, front_page
from runtime.admin_words import Words

_MOST_RUNS = 5
_MOST_COUNTED = 10_000
_MOST_REASONS = 3

#: Digests and copies begin some 15 s after a segment is sealed; what waits much longer waits for something.
_LONG = timedelta(minutes=10)


def _tell_runs() -> Told:
    now = timezone.now()
    runs = Run.objects.select_related("market", "market__lease").order_by("-created_at", "-id")
    found = list(with_ends(runs)[:_MOST_RUNS])
    if not found:
        return Told(Cell(_("No run yet"), QUIET))
    heads = (_("run of"), _("begun"), _("ticks"), _("seed"), _("how it ended"))
    rows = [_row_of_run(run, found, now) for run in found]
    begun = _("The newest began {time} ago").format(time=ago(found[0].created_at, now))
    return Told(Cell(begun, QUIET), heads, rows)


def _row_of_run(run: Any, newer: list[Any], now: datetime) -> list[Cell]:
    words, tone = _end_of(run, newer, now)
    return [
        Cell(run.market.symbol, address=reverse("admin:recorder_run_change", args=[run.pk])),
        Cell(_("{time} ago").format(time=ago(run.created_at, now)), QUIET),
        Cell(length_of(run), is_number=True),
        Cell(seed_of(run), is_number=True),
        Cell(words, tone),
    ]


def _end_of(run: Any, known: list[Any], now: datetime) -> tuple[Words, str]:
    """Why a run ended, as far as its rows tell: it says itself that it does, unless its process dies."""
    is_last = run.next_t == LARGEST_T
    if run.ended_at is None and is_last:
        return (_("running"), GOOD) if _is_held(run.market, now) else (_("broke off: its process died"), BAD)
    next_run = next((one for one in known if one.market_id == run.market_id and one.first_t == run.next_t), None)
    changed = [] if next_run is None else _changed(run, next_run)
    stopped = _("stopped, or its source ended") if run.ended_at is not None else _("broke off: its process died")
    tone = QUIET if run.ended_at is not None else WARN
    if changed:
        stopped = _("{end}; then with another {settings}").format(end=stopped, settings=", ".join(changed))
    return stopped, tone


def _changed(run: Run, later: Run) -> list[str]:
    names = sorted({*run.settings, *later.settings})
    return [name for name in names if run.settings.get(name) != later.settings.get(name)]


def _is_held(market: Market, now: datetime) -> bool:
    lease = getattr(market, "lease", None)
    if lease is None or not lease.token or lease.renewed_at is None:
        return False
    return bool((now - lease.renewed_at).total_seconds() <= DEAD_SECONDS)


def _tell_cold() -> Told:
    if settings.CONFIG.cold_store is None:
        none = _("IG_COLD_STORE names none: segments are on the disk alone.")
        return Told(Cell(_("No cold store"), QUIET), notes=[none])
    states = list(ColdState.objects.select_related("market").exclude(reason="")[: _MOST_REASONS + 1])
    reasons: list[Words] = [f"{one.market.symbol}: {one.reason}" for one in states[:_MOST_REASONS]]
    waiting = _waiting(_of_all_markets().uncopied(), reasons)
    return waiting if not reasons else Told(waiting.headline._replace(tone=BAD), notes=waiting.notes)


def _tell_digests() -> Told:
    return _waiting(_of_all_markets().filter(UNDIGESTED), [])


def _of_all_markets() -> SegmentQuerySet:
    """Market and kind come first in every index."""
    return Segment.objects.filter(market__in=list(Market.objects.values_list("pk", flat=True)), kind__in=KINDS)


def _waiting(segments: SegmentQuerySet, notes: list[Words]) -> Told:
    """How many segments wait and since when: up to a number, and as cheap as that."""
    found = segments.order_by()[: _MOST_COUNTED + 1].aggregate(count=Count("pk"), since=Min("created_at"))
    count, since, now = found["count"], found["since"], timezone.now()
    if not count:
        return Told(Cell(_("None waits"), GOOD), notes=notes)
    is_late = now - since > _LONG
    shown = f"{_MOST_COUNTED:,}+" if count > _MOST_COUNTED else f"{count:,}"
    text = _("the oldest was sealed {time} ago").format(time=ago(since, now))
    words = ngettext("{count} waits", "{count} wait", count).format(count=shown)
    return Told(Cell(words, WARN if is_late else GOOD), notes=[text, *notes])


front_page.add(Block(50, "runs", gettext_lazy("Last runs"), Run, _tell_runs))
front_page.add(Block(70, "cold", gettext_lazy("Copies to the cold store"), Segment, _tell_cold))
front_page.add(Block(80, "digests", gettext_lazy("Digests"), Segment, _tell_digests))
