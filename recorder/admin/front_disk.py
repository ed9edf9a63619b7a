"""What the admin's front page tells of the disk, and of what the next clean-up will remove from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from recorder.models import Segment
from recorder.retention import disk_use, disks, retention_settings
from recorder.retention_policy import Candidate, DiskUse, RetentionSettings, Shelf, choose, is_full
from recorder.store.clean_up_row import LastCleanUp
from runtime.admin_columns import time_text
from runtime.admin_front import BAD, GOOD, QUIET, WARN, Block, Cell, Meter, Told, ago, duration, front_page
from runtime.admin_words import Words

#: Segments to remove that are counted, and rows that are read of each market and kind: the page stays cheap however
#: much is to go.
_MOST_COUNTED = 1000
_MOST_READ = 2000

_MOST_NAMED = 4

#: Hosts whose last clean-up is told.
_MOST_HOSTS = 3

#: So near to the threshold it is about time to look.
_NEAR_PERCENT = 5.0

#: So many clean-ups that did not come are no chance.
_MISSED = 3


def _policy() -> RetentionSettings:
    return retention_settings(settings.CONFIG)


def _tell_disk() -> Told:
    """Needs no database."""
    policy, use = _policy(), disk_use(settings.CONFIG.store_dir)
    tone = BAD if is_full(use, policy) else WARN if use.percent > policy.disk_percent - _NEAR_PERCENT else GOOD
    rows = [
        [Cell(_("used")), Cell(filesizeformat(use.used), is_number=True)],
        [Cell(_("free")), Cell(filesizeformat(use.free), is_number=True)],
        [Cell(_("a clean-up begins at")), Cell(f"{policy.disk_percent:g} %", is_number=True)],
        [Cell(_("and goes down to")), Cell(f"{policy.target_percent:g} %", is_number=True)],
    ]
    label = _("{percent} % of the disk is used; a clean-up begins at {threshold} %")
    words = label.format(percent=f"{use.percent:.1f}", threshold=f"{policy.disk_percent:g}")
    meter = Meter(min(use.percent, 100.0), policy.disk_percent, words)
    return Told(Cell(f"{use.percent:.1f} %", tone), rows=rows, notes=[str(settings.CONFIG.store_dir)], meter=meter)


def _tell_clean_up() -> Told:
    policy, use, now = _policy(), disk_use(settings.CONFIG.store_dir), timezone.now()
    found = _chosen(policy, now)
    notes = [*_next_run(now), _rules(policy)]
    if found:
        return Told(_sum(found, WARN), _heads(_("goes first")), _rows(found), notes)
    if is_full(use, policy):
        text = _("Every segment is pinned, too young, or one of the last of its kind.")
        return Told(Cell(_("Full, and nothing may be removed"), BAD), notes=[text, *notes])
    left = policy.disk_percent / 100 * (use.used + use.free) - use.used
    room = _("It begins when {size} more are used.").format(size=filesizeformat(max(0.0, left)))
    first = _chosen(policy, now, _MOST_NAMED, lambda use: _as_if_full(use, policy))
    then = [] if first else [_("No segment could be removed then.")]
    heads = _heads(_("would go first")) if first else ()
    return Told(Cell(_("Nothing to remove"), GOOD), heads, _rows(first), [room, *then, *notes])


def _chosen(
    policy: RetentionSettings,
    now: datetime,
    most: int = _MOST_COUNTED + 1,
    changed: Callable[[DiskUse], DiskUse] = lambda use: use,
) -> list[Candidate]:
    """What the clean-up would remove now, by its own policy. Raises OSError, django.db.Error."""
    config = settings.CONFIG
    found = disks(config.store_dir, config.symbol, copied_only=config.cold_store is not None)
    chosen = (choose(_cheap(disk.shelves), changed(disk_use(disk.directory)), policy, now) for disk in found)
    return list(islice(chain.from_iterable(chosen), most))


def _cheap(shelves: list[Shelf]) -> list[Shelf]:
    return [Shelf(shelf.segments, islice(shelf.oldest_first, _MOST_READ)) for shelf in shelves]


def _as_if_full(use: DiskUse, policy: RetentionSettings) -> DiskUse:
    """The disk as it will be when the clean-up begins."""
    usable = use.used + use.free
    used = -(-usable * policy.disk_percent // 100)
    return DiskUse(use.total, int(used), int(usable - used))


def _sum(found: list[Candidate], tone: str) -> Cell:
    counted = found[:_MOST_COUNTED]
    size = filesizeformat(sum(one.bytes for one in counted))
    if len(found) > _MOST_COUNTED:
        return Cell(_("More than {count} segments, {size}").format(count=f"{_MOST_COUNTED:,}", size=size), tone)
    words = ngettext("{count} segment, {size}", "{count} segments, {size}", len(counted))
    return Cell(words.format(count=len(counted), size=size), tone)


def _heads(first: str) -> tuple[Words, ...]:
    return first, _("sealed (UTC)"), _("size")


def _rows(found: list[Candidate]) -> list[list[Cell]]:
    return [
        [
            Cell(f"{one.symbol} {one.kind} {one.start_t:,}", address=_page_of(one)),
            Cell(time_text(1000 * one.created_at.timestamp()), QUIET),
            Cell(filesizeformat(one.bytes), is_number=True),
        ]
        for one in found[:_MOST_NAMED]
    ]


def _page_of(one: Candidate) -> str:
    return reverse("admin:recorder_segment_change", args=[one.pk])


def _next_run(now: datetime) -> list[str]:
    """When the next clean-up is due, by the last ones of hosts with this store: the longest ago, and the newest."""
    schedule: Any = settings.CELERY_BEAT_SCHEDULE["clean-up"]
    seconds = float(schedule["schedule"])
    rows = LastCleanUp.objects.filter(store=str(settings.CONFIG.store_dir)).order_by("ended_at", "pk")
    found = {one.pk: one for one in (*rows[: _MOST_HOSTS - 1], *rows.reverse()[:1])}
    told = [_when(one, now, seconds) for one in found.values()]
    return told or [_("No clean-up has run yet; one runs each {time}.").format(time=duration(seconds))]


def _when(last: LastCleanUp, now: datetime, seconds: float) -> str:
    left = seconds - (now - last.ended_at).total_seconds()
    facts = {"ago": ago(last.ended_at, now), "removed": f"{last.removed:,}", "host": last.host}
    if left < -_MISSED * seconds:
        text = _("OVERDUE: the last run was {ago} ago on {host}. Is its worker, or its beat, at work?")
        return text.format(**facts)
    text = _("Next run in {left}; the last was {ago} ago on {host} and removed {removed}.")
    return text.format(left=duration(max(left, 0.0)), **facts)


def _rules(policy: RetentionSettings) -> str:
    text = _("Kept in any case: pinned ones, those of the last {days} d, and the last {count} of each market and kind.")
    rule = text.format(days=f"{policy.min_days:g}", count=policy.min_segments)
    older = _("Those older than {days} d go.").format(days=f"{policy.max_days:g}")
    return f"{rule} {older}" if policy.max_days else rule


front_page.add(Block(30, "disk", gettext_lazy("Disk"), Segment, _tell_disk, needs_database=False))
front_page.add(Block(40, "clean-up", gettext_lazy("Next clean-up"), Segment, _tell_clean_up))
