"""What the database knows of the recording, of alerts, backtests and scheduled tasks."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils import timezone

from alerts.models import LEVELS, Alert
from backtests.models import QUEUED, RUNNING, Backtest
from monitoring.families import Families
from monitoring.models import TaskRun
from recorder.digests.chunk_row import UNDIGESTED
from recorder.manifest.totals import Total, totals
from recorder.models import Market, Segment

#: More segments than this are not counted.
_MOST_COUNTED = 10_000

#: A task without a run for so long is none any more, as those from the queue of a disk that is gone.
_FORGOTTEN = timedelta(days=30)


class Rows(NamedTuple):
    """Figures of the database at one time."""

    totals: list[Total]
    undigested: dict[str, int]
    alerts: Counter[str]
    backtests: Counter[str]
    tasks: list[TaskRun]


def look() -> Rows:
    """Read everything. Raises django.db.Error."""
    since = timezone.now() - _FORGOTTEN
    symbols = list(Market.objects.values_list("symbol", flat=True))
    alerts = Alert.objects.filter(cleared_at=None).order_by().values_list("level").annotate(Count("pk"))
    backtests = Backtest.objects.filter(status__in=(QUEUED, RUNNING)).order_by()
    return Rows(
        totals(),
        {
            symbol: Segment.objects.of(symbol).filter(UNDIGESTED).order_by()[:_MOST_COUNTED].count()
            for symbol in symbols
        },
        Counter(dict(alerts)),
        Counter(dict(backtests.values_list("status").annotate(Count("pk")))),
        list(TaskRun.objects.filter(Q(ended_at__gte=since) | Q(failed_at__gte=since))),
    )


def add_rows(families: Families, rows: Rows) -> None:
    for total in rows.totals:
        _add_total(families, total)
    for symbol, number in rows.undigested.items():
        families.add("undigested_segments", number, symbol)
    for level in LEVELS:
        families.add("open_alerts", rows.alerts[level], level)
    for status in (QUEUED, RUNNING):
        families.add("backtests", rows.backtests[status], status)
    for task in rows.tasks:
        _add_task(families, task)


def _add_total(families: Families, total: Total) -> None:
    of = (total.symbol, total.kind)
    families.add("segments", total.segments, *of, "disk")
    families.add("segment_bytes", total.bytes, *of, "disk")
    families.add("segments", total.cold_segments, *of, "bucket")
    families.add("segment_bytes", total.cold_bytes, *of, "bucket")
    families.add("removed_segments", total.removed, *of)


def _add_task(families: Families, task: TaskRun) -> None:
    of = (task.task, task.queue)
    families.add("task_runs", task.runs, *of)
    families.add("task_failures", task.failures, *of)
    families.add("task_items", task.items, *of)
    families.add("task_duration_seconds", task.seconds, *of)
    for name, when in (("success", task.ended_at), ("failure", task.failed_at)):
        families.add(f"task_{name}_timestamp_seconds", None if when is None else when.timestamp(), *of)
