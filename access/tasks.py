"""Periodic tasks on the audit: run by Celery beat, or by a timer if everything is one process."""

from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.models import Session
from django.db import Error as DatabaseError
from django.utils import timezone

from access import audit_rows
from runtime.db_threads import detached


@shared_task(name="access.tasks.forget_audit", ignore_result=True, throws=(DatabaseError,))  # type: ignore[untyped-decorator]
def forget_audit() -> int:
    """Delete entries of the audit that are too old, and sessions that have expired; returns how many entries.

    Raises django.db.Error.
    """
    return detached(_forget)


def _forget() -> int:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()  # nothing else does, of those nobody ends
    return audit_rows.forget_old()
