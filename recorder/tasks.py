"""Periodic tasks: run by Celery beat, or by a timer if everything is one process."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from recorder import retention
from recorder.manifest.inventory import compare, is_exact
from recorder.models import Market
from recorder.segment.layout import KINDS
from runtime.db_threads import detached


@shared_task(name="recorder.tasks.clean_up", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def clean_up() -> int:
    """Remove the segments that must go from the store; returns how many. Raises OSError, django.db.Error."""
    config = settings.CONFIG
    policy = retention.retention_settings(config)
    # Outside Celery nothing else closes the connection, and the caller's thread may continue.
    done = detached(lambda: retention.clean_up(config.store_dir, config.symbol, policy, timezone.now()))
    return len(done.removed)


@shared_task(name="recorder.tasks.take_stock", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def take_stock() -> None:
    """Find out whether rows list every file, where something other than market and clean-up changed a directory.

    Raises OSError, django.db.Error.
    """
    detached(_take_stock)


def _take_stock() -> None:
    config = settings.CONFIG
    for market in Market.objects.all():
        directory = market.directory(config.store_dir, config.symbol)
        for kind in KINDS:
            if not is_exact(market.symbol, kind, directory / kind):
                compare(market, kind, directory / kind)
