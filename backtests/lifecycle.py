"""From queued to its end: each step is one conditional update, so that of two who try only one succeeds.

Time is the database's alone: it stamps every sign of life and judges its age in the same statement, so that the clocks
of the hosts play no part.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from backtests.errors import TooMany
from backtests.models import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Backtest

#: Whoever runs a backtest gives a sign of life so often …
BEAT_SECONDS = 1.0

#: … and is believed dead after so long: fifteen are not missed by chance.
SILENT_SECONDS = 15.0

#: A queued one is sent again after so long, in case the broker lost it.
SEND_AGAIN_SECONDS = 60.0

#: So many may wait or run at a time.
MOST_WAITING = 100


def create(**fields: Any) -> Backtest:
    """A backtest that waits to be run. Raises TooMany, django.db.Error."""
    if _not_over().count() >= MOST_WAITING:
        raise TooMany(MOST_WAITING)
    return Backtest.objects.create(**fields)


def create_running(**fields: Any) -> Backtest:
    """A backtest that never waits, since its maker runs it. Raises django.db.Error."""
    made = Backtest.objects.create(**fields, status=RUNNING, worker=this_worker(), started_at=Now(), heard_at=Now())
    made.refresh_from_db()
    return made


def mark_sent(backtest_id: str) -> None:
    """A worker was asked to run it. Raises django.db.Error."""
    Backtest.objects.filter(backtest_id=backtest_id).update(sent_at=Now())


def claim(backtest_id: str) -> Backtest | None:
    """The backtest, now running here; None if it is not queued any more. Raises django.db.Error."""
    found = Backtest.objects.filter(backtest_id=backtest_id)
    if not found.filter(status=QUEUED).update(status=RUNNING, worker=this_worker(), started_at=Now(), heard_at=Now()):
        return None
    return found.get()


def this_worker() -> str:
    return worker_of(os.getpid())


def worker_of(pid: int) -> str:
    """What a process of this host calls itself as a worker."""
    return f"process {pid} on {socket.gethostname()}"[:200]


def beat(backtest_id: str, progress: float) -> bool:
    """Give a sign of life; whether the backtest is still to be run. Raises django.db.Error."""
    return bool(_running(backtest_id).update(progress=progress, heard_at=Now()))


def finish(backtest_id: str, result: dict[str, Any]) -> bool:
    """It is done, unless it was ended before; whether it is. Raises django.db.Error."""
    return bool(_running(backtest_id).update(status=DONE, progress=1.0, result=result, ended_at=Now()))


def fail(backtest_id: str, reason: str) -> bool:
    """It has failed, unless it was over before; whether it has. Raises django.db.Error."""
    found = _not_over().filter(backtest_id=backtest_id)
    return bool(found.update(status=FAILED, error=reason, ended_at=Now()))


def fail_unless_elsewhere(backtest_id: str, worker: str, reason: str) -> bool:
    """It has failed, unless it was over before or another worker runs it; whether it has. Raises django.db.Error."""
    still_here = Q(status=QUEUED) | Q(worker=worker)
    found = _not_over().filter(still_here, backtest_id=backtest_id)
    return bool(found.update(status=FAILED, error=reason, ended_at=Now()))


def cancel(backtest_id: str) -> str | None:
    """Cancel it, unless it is over; the status it had when that succeeded. Raises django.db.Error."""
    for status in (QUEUED, RUNNING):
        found = Backtest.objects.filter(backtest_id=backtest_id, status=status)
        if found.update(status=CANCELLED, ended_at=Now()):
            return status
    return None


def fail_silent() -> Iterator[Backtest]:
    """Those that have failed now because whoever ran them gave no sign of life. Raises django.db.Error."""
    silent = Q(heard_at__lt=Now() - timedelta(seconds=SILENT_SECONDS))
    for backtest in Backtest.objects.filter(silent, status=RUNNING):
        reason = f"{backtest.worker} ran it and gave no sign of life for {SILENT_SECONDS:g} s"
        if _running(backtest.backtest_id).filter(silent).update(status=FAILED, error=reason, ended_at=Now()):
            yield backtest


def unsent() -> list[str]:
    """The ids of queued ones that no worker was asked to run of late; they count as sent now. Raises
    django.db.Error."""
    long_ago = Now() - timedelta(seconds=SEND_AGAIN_SECONDS)
    due = Q(sent_at=None, created_at__lt=long_ago) | Q(sent_at__lt=long_ago)
    waiting = Backtest.objects.filter(due, status=QUEUED).order_by("created_at", "pk")
    ids = waiting.values_list("backtest_id", flat=True)
    return [one for one in ids if Backtest.objects.filter(due, backtest_id=one).update(sent_at=Now())]


def next_queued() -> str | None:
    """The id of the one that waits longest. Raises django.db.Error."""
    found = Backtest.objects.filter(status=QUEUED).order_by("created_at", "pk")
    return found.values_list("backtest_id", flat=True).first()


def _running(backtest_id: str) -> QuerySet[Backtest]:
    return Backtest.objects.filter(backtest_id=backtest_id, status=RUNNING)


def _not_over() -> QuerySet[Backtest]:
    return Backtest.objects.filter(status__in=[QUEUED, RUNNING])
