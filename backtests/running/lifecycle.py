"""The lifecycle of a backtest: each step is one conditional update, so only one of two processes succeeds.

Only the database's clock counts: it stamps every sign of life and judges its age in the same statement, so the clocks
of the hosts have no influence.

Each step may be repeated (`runtime.db_threads.persistently`), and recognises that it was done if the answer was lost.
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

#: A worker gives a sign of life this often …
BEAT_SECONDS = 1.0

#: … and is believed dead after this time: fifteen are not missed by chance.
SILENT_SECONDS = 15.0

#: From the first look that finds a worker silent it has so long to be heard. After an outage of the database all were
#: silent, and whoever looks may be the first who reaches it again: then a beat needs its second and, where the network
#: swallowed the attempt before, the 5 s of a connection's timeout.
GRACE_SECONDS = 10.0

#: A queued backtest is sent again after this time, in case the broker lost it.
SEND_AGAIN_SECONDS = 60.0

#: So many may wait or run at a time.
MOST_WAITING = 100


def create(**fields: Any) -> Backtest:
    """A backtest that waits to be run. Raises TooMany, django.db.Error."""
    if _not_over().count() >= MOST_WAITING:
        raise TooMany(MOST_WAITING)
    return Backtest.objects.create(**fields)


def create_running(backtest_id: str, **fields: Any) -> Backtest:
    """A backtest that never waits, since its maker runs it. Raises django.db.Error."""
    running = {"status": RUNNING, "worker": this_worker(), "started_at": Now(), "heard_at": Now()}
    made, _ = Backtest.objects.get_or_create(backtest_id=backtest_id, defaults={**fields, **running})
    made.refresh_from_db()
    return made


def mark_sent(backtest_id: str) -> None:
    """A worker was asked to run it. Raises django.db.Error."""
    Backtest.objects.filter(backtest_id=backtest_id).update(sent_at=Now())


def claim(backtest_id: str, *, again: bool = False) -> Backtest | None:
    """The backtest, now running here; None if it is not queued any more. Raises django.db.Error.

    `again`: an attempt of this process before may have been successful without its knowing.
    """
    found = Backtest.objects.filter(backtest_id=backtest_id)
    claimed = found.filter(status=QUEUED).update(
        status=RUNNING, worker=this_worker(), started_at=Now(), heard_at=Now(), suspected_at=None
    )
    if claimed:
        return found.get()
    return found.filter(status=RUNNING, worker=this_worker()).first() if again else None


def this_worker() -> str:
    return worker_of(os.getpid())


def worker_of(pid: int) -> str:
    """The name of a process of this host as a worker."""
    return f"process {pid} on {socket.gethostname()}"[:200]


def beat(backtest_id: str, progress: float) -> bool:
    """Give a sign of life; whether the backtest is still to be run. Raises django.db.Error."""
    alive = {"status": RUNNING, "error": None, "ended_at": None, "heard_at": Now(), "suspected_at": None}
    return bool(_ours(backtest_id).update(progress=progress, **alive))


def finish(backtest_id: str, result: dict[str, Any]) -> bool:
    """It is done, unless it was ended before; whether it is. Raises django.db.Error."""
    done = {"status": DONE, "progress": 1.0, "result": result, "error": None, "ended_at": Now()}
    return bool(_ours(backtest_id).update(**done)) or _is(backtest_id, status=DONE)


def fail(backtest_id: str, reason: str) -> bool:
    """It has failed, unless it was over before; whether it has. Raises django.db.Error."""
    reason = _storable(reason)
    failed = {"status": FAILED, "error": reason, "ended_at": Now()}
    return bool(_ours(backtest_id).update(**failed)) or _is(backtest_id, status=FAILED, error=reason)


def fail_unless_elsewhere(backtest_id: str, worker: str, reason: str) -> bool:
    """It has failed, unless it was over before or another worker runs it; whether it has. Raises django.db.Error."""
    still_here = Q(status=QUEUED) | Q(worker=worker)
    found = _not_over().filter(still_here, backtest_id=backtest_id)
    failed = found.update(status=FAILED, error=reason, ended_at=Now())
    return bool(failed) or _is(backtest_id, status=FAILED, error=reason)


def cancel(backtest_id: str) -> str | None:
    """Cancel it, unless it is over; the status it had when that succeeded. Raises django.db.Error."""
    for status in (QUEUED, RUNNING):
        found = Backtest.objects.filter(backtest_id=backtest_id, status=status)
        if found.update(status=CANCELLED, ended_at=Now()):
            return status
    return None


def fail_silent() -> Iterator[Backtest]:
    """Fail the backtests whose worker gives no sign of life; returns them. Raises django.db.Error.

    Only those found silent `GRACE_SECONDS` ago or earlier fail; others are noted.
    """
    silent = Backtest.objects.filter(_off("heard_at", SILENT_SECONDS), status=RUNNING)
    suspected = silent.filter(_off("suspected_at", GRACE_SECONDS))
    for backtest in suspected:
        reason = f"{_silence_of(backtest.worker)} for {SILENT_SECONDS:g} s"
        if suspected.filter(pk=backtest.pk).update(status=FAILED, error=reason, ended_at=Now()):
            yield backtest
    fresh = silent.filter(suspected_at=None)
    if fresh.exists():  # mostly there are none, and a look waits for no other writer
        fresh.update(suspected_at=Now())


def _off(field: str, seconds: float) -> Q:
    """A condition: a time is past, or is in the future because the database's clock was set back."""
    span = timedelta(seconds=seconds)
    return Q(**{f"{field}__lt": Now() - span}) | Q(**{f"{field}__gt": Now() + span})


def _silence_of(worker: str) -> str:
    return f"{worker} ran it and gave no sign of life"


def unsent() -> list[str]:
    """The ids of queued ones that no worker was asked to run of late; they count as sent now. Raises
    django.db.Error."""
    due = Q(_off("created_at", SEND_AGAIN_SECONDS), sent_at=None) | _off("sent_at", SEND_AGAIN_SECONDS)
    waiting = Backtest.objects.filter(due, status=QUEUED).order_by("created_at", "pk")
    ids = waiting.values_list("backtest_id", flat=True)
    return [one for one in ids if Backtest.objects.filter(due, backtest_id=one).update(sent_at=Now())]


def next_queued() -> str | None:
    """The id of the one that waits longest. Raises django.db.Error."""
    found = Backtest.objects.filter(status=QUEUED).order_by("created_at", "pk")
    return found.values_list("backtest_id", flat=True).first()


def _ours(backtest_id: str) -> QuerySet[Backtest]:
    """The backtest while it runs, even if it is believed dead because this worker could not be heard."""
    believed_dead = Q(status=FAILED, worker=this_worker(), error__startswith=_silence_of(this_worker()))
    return Backtest.objects.filter(Q(status=RUNNING) | believed_dead, backtest_id=backtest_id)


def _is(backtest_id: str, **facts: str) -> bool:
    """Whether it is so already: a statement can have been carried out and its answer lost."""
    return Backtest.objects.filter(backtest_id=backtest_id, **facts).exists()


def _storable(reason: str) -> str:
    """A reason as the column takes it; PostgreSQL takes no NUL."""
    return reason[:1000].replace("\0", "�")


def _not_over() -> QuerySet[Backtest]:
    return Backtest.objects.filter(status__in=[QUEUED, RUNNING])
