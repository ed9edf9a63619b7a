"""The periodic task that keeps a folder current with the store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import Error as DatabaseError

from exports.errors import ExportError, NothingRecorded
from recorder.models import Market
from runtime.db_threads import detached
from runtime.each import sum_in_time

#: Other tasks wait for the same workers; the rest is exported with the next run. The markets share the time.
_SECONDS = 60.0


@shared_task(name="exports.tasks.keep_current", ignore_result=True, throws=(ExportError, OSError, DatabaseError))  # type: ignore[untyped-decorator]
def keep_current() -> int:
    """Export what the markets have recorded since the last run, for a minute at most; returns how many rows.

    Each market has a folder of its name in IG_EXPORT_DIR. Raises ExportError, OSError, django.db.Error.
    """
    return detached(lambda: _keep_current(settings.CONFIG.export_dir))


def _keep_current(root: Path | None) -> int:
    if root is None:
        return 0
    symbols = list(Market.objects.values_list("symbol", flat=True))
    return sum_in_time(symbols, partial(_keep_one_current, root), _SECONDS)


def _keep_one_current(root: Path, symbol: str, is_over: Callable[[], bool]) -> int:
    from exports import exporting  # takes long to load, and needs pyarrow

    try:
        return exporting.keep_current(root / symbol, symbol, is_over)
    except NothingRecorded:
        return 0
