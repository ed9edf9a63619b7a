"""The audit in the database and in the log, and its end after some months."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from access.audit import MANY_ADDRESSES, Count, Entry
from access.models import AuditEntry
from runtime.shown import cut

log = logging.getLogger(__name__)

KEEP_DAYS = 90

#: Beyond so many rows a day, addresses are no longer told apart.
MOST_ROWS_A_DAY = 10_000

#: Of one writing so many lines go to the log, and one that sums up the rest.
_MOST_LINES = 20

#: One statement adds, whether there is a row or not: SQLite and PostgreSQL know it, Django has only its replacing form.
_ADD = """
INSERT INTO access_auditentry (day, action, who, address, times, first_at, last_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (day, action, who, address) DO UPDATE SET
times = access_auditentry.times + excluded.times, last_at = excluded.last_at
"""


def write(counts: Mapping[Entry, Count]) -> None:
    """Add the counts to the rows, all or none, then log them. Raises django.db.Error.

    If the answer to a commit is lost, they may have been added; adding them again is better than losing them.
    """
    with transaction.atomic():
        crowded = {day for day in {entry.day for entry in counts} if _rows_of(day) >= MOST_ROWS_A_DAY}
        merged: dict[Entry, Count] = {}
        for entry, count in counts.items():
            place = entry._replace(address=MANY_ADDRESSES) if entry.day in crowded else entry
            merged[place] = merged[place].plus(count) if place in merged else count
        with connection.cursor() as cursor:  # in one order, or two processes could wait for each other's rows
            cursor.executemany(_ADD, [_values(*one) for one in sorted(merged.items(), key=itemgetter(0))])
    _tell(counts)


def _rows_of(day: date) -> int:
    return AuditEntry.objects.filter(day=day).count()


def _values(entry: Entry, count: Count) -> list[Any]:
    adapt = connection.ops
    return [
        adapt.adapt_datefield_value(entry.day),
        *(entry.action, entry.who, entry.address, count.times),
        adapt.adapt_datetimefield_value(count.first_at),
        adapt.adapt_datetimefield_value(count.last_at),
    ]


def _tell(counts: Mapping[Entry, Count]) -> None:
    shown = [*counts.items()][:_MOST_LINES]
    for entry, count in shown:
        who = "".join(one if one.isprintable() else "?" for one in cut(entry.who))  # a name may hold a line's end
        log.info("%s: %s, from %s, %d times", entry.action, who, entry.address, count.times)
    if len(counts) > len(shown):
        rest = sum(count.times for count in counts.values()) - sum(count.times for _, count in shown)
        log.info("and %d more uses of tokens and sign-ins, which the admin lists", rest)


def forget_old() -> int:
    """Delete entries that are too old; returns how many. Raises django.db.Error."""
    return AuditEntry.objects.filter(day__lt=timezone.now().date() - timedelta(days=KEEP_DAYS)).delete()[0]
