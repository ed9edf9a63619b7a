"""Periodic tasks on alerts: run by Celery beat, or by a timer if everything is one process."""

from __future__ import annotations

from celery import shared_task
from django.db import Error as DatabaseError

from alerts import alert_store
from runtime.db_threads import detached


@shared_task(name="alerts.tasks.forget_alerts", ignore_result=True, throws=(DatabaseError,))  # type: ignore[untyped-decorator]
def forget_alerts() -> int:
    """Delete cleared alerts and market events that are too old or too many; returns how many.

    Raises django.db.Error.
    """
    return detached(alert_store.forget_old)
