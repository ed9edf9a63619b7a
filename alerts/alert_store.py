"""The alert store: rows that are raised and cleared once, whichever processes see the cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.models import EVENT, Alert
from alerts.rules import Finding, MarketEvent

#: Cleared alerts are kept for this long, and at most this many, as are market events: a busy market makes some each
#: minute.
KEEP_DAYS = 30
KEEP_ALERTS = 10_000


@dataclass(slots=True)
class Entry:
    """A change that could not be stored in time: a cause that was raised, and when it cleared, or only that it did.

    `timestamp` is when it was raised, by a clock that may have gone back since.
    """

    finding: Finding
    timestamp: float
    cleared_at: float | None = None


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def raise_once(finding: Finding, timestamp: float) -> bool:
    """Store an alert; returns whether this call did it and no other process before. Raises django.db.Error."""
    facts = {**_facts(finding), "timestamp": moment(timestamp)}
    _, made = Alert.objects.get_or_create(key=finding.key, cleared_at=None, defaults=facts)
    return made


def clear_once(key: str, cleared_at: float) -> bool:
    """Clear the active alert of a cause; returns whether there was one and this call cleared it.

    Raises django.db.Error.
    """
    return bool(Alert.objects.filter(key=key, cleared_at=None).update(cleared_at=moment(cleared_at)))


def active_keys(beginning: str) -> list[str]:
    """The causes of active alerts whose keys begin with a text. Raises django.db.Error."""
    found = Alert.objects.filter(cleared_at=None, key__startswith=beginning)
    return list(found.values_list("key", flat=True))


def write_late(entry: Entry) -> None:
    """Store what could not be stored in time, unless another process has: it may even have cleared it.

    Raises django.db.Error.
    """
    begun = moment(entry.timestamp)
    same = Alert.objects.filter(Q(cleared_at=None) | Q(cleared_at__gte=begun), key=entry.finding.key)
    if entry.cleared_at is None:
        if not same.exists():
            raise_once(entry.finding, entry.timestamp)
        return
    ended = moment(entry.cleared_at)
    same = same.filter(Q(timestamp__lte=ended) | Q(timestamp=begun))
    if same.exists():
        same.filter(cleared_at=None).update(cleared_at=ended)
    elif entry.finding.wrong:
        facts = {**_facts(entry.finding), "cleared_at": ended}
        Alert.objects.get_or_create(key=entry.finding.key, timestamp=begun, defaults=facts)


def _facts(finding: Finding) -> dict[str, str]:
    return {"level": finding.level, "message": finding.message, "source": finding.source}


def write_happenings(happenings: Iterable[MarketEvent]) -> None:
    """Store market events; existing ones stay. Raises django.db.Error."""
    rows = [
        Alert(
            level=EVENT,
            message=one.message,
            source=f"market:{one.symbol}",
            key=one.key,
            timestamp=moment(one.timestamp),
            cleared_at=moment(one.timestamp),
        )
        # In one order, or two processes could wait for each other's rows.
        for one in sorted(happenings, key=attrgetter("timestamp", "symbol"))
    ]
    Alert.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def active() -> dict[str, Alert]:
    """The alerts that have not cleared, by their causes. Raises django.db.Error."""
    return {row.key: row for row in Alert.objects.filter(cleared_at=None)}


def forget_old() -> int:
    """Delete cleared alerts that are too old or too many, and such market events; returns how many.

    They are counted apart, and their time is that of writing: a market's may be any. Raises django.db.Error.
    """
    cleared = Alert.objects.exclude(cleared_at=None)
    return sum(_forget_old_of(rows) for rows in (cleared.filter(level=EVENT), cleared.exclude(level=EVENT)))


def _forget_old_of(cleared: QuerySet[Alert]) -> int:
    old = Q(written_at__lt=timezone.now() - timedelta(days=KEEP_DAYS))
    last = cleared.order_by("-pk").values_list("pk", flat=True)[KEEP_ALERTS : KEEP_ALERTS + 1]
    surplus = Q(pk__lte=last[0]) if last else Q(pk__in=[])
    return cleared.filter(old | surplus).delete()[0]
