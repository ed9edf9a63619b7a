"""Periodic tasks: run by Celery beat, or by a timer if everything is one process."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cache

from celery import shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from recorder import retention
from recorder.cold.bucket import Bucket
from recorder.cold.configured import cold_bucket
from recorder.cold.copying import Copying
from recorder.cold.open_segments import OpenSegments
from recorder.cold.state_row import ColdState
from recorder.digests import making
from recorder.manifest.inventory import compare, is_exact
from recorder.models import Market
from recorder.segment.layout import KINDS
from recorder.store.clean_up_row import note_clean_up
from recorder.store.store_paths import directory_of, markets_here
from runtime.db_threads import detached
from runtime.each import sum_in_time, sum_of_each

#: Other tasks wait for the same workers. The markets share the time.
_DIGEST_SECONDS = _COPY_SECONDS = 60.0


def _markets() -> list[Market]:
    return markets_here(settings.CONFIG.store_dir, settings.CONFIG.symbol)


@shared_task(name="recorder.tasks.clean_up", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def clean_up() -> int:
    """Remove the segments that must go from the store; returns how many. Raises OSError, django.db.Error."""
    # Outside Celery nothing else closes the connection, and the caller's thread may continue.
    return detached(_clean_up)


def _clean_up() -> int:
    config = settings.CONFIG
    if config.cold_store is None:
        ColdState.objects.all().delete()  # nobody copies any more
    policy = retention.retention_settings(config)
    done = retention.clean_up(config.store_dir, config.symbol, policy, timezone.now(), cold_bucket())
    host, store = socket.gethostname(), str(config.store_dir)
    note_clean_up(host, store, timezone.now(), len(done.removed), done.freed_bytes)
    sum_of_each(_markets(), _forget_gone)
    return len(done.removed)


def _forget_gone(market: Market) -> int:
    return making.forget_gone(market, directory_of(market.symbol), keep_removed=settings.CONFIG.retain_digests)


@shared_task(name="recorder.tasks.digest", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def digest() -> int:
    """Make the digests that segments lack, for a minute at most; returns how many. Raises OSError, django.db.Error."""
    return detached(lambda: sum_in_time(_markets(), _digest, _DIGEST_SECONDS))


def _digest(market: Market, is_over: Callable[[], bool]) -> int:
    return making.make_digests(market, directory_of(market.symbol), is_over=is_over)


@shared_task(name="recorder.tasks.copy_segments", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def copy_segments() -> int:
    """Copy finished segments to the cold store, for a minute at most; returns how many.

    Raises OSError, django.db.Error.
    """
    return detached(lambda: sum_in_time(_markets(), _copy, _COPY_SECONDS))


def _copy(market: Market, is_over: Callable[[], bool]) -> int:
    bucket = cold_bucket()
    if bucket is None:
        return 0
    copying = Copying(market, directory_of(market.symbol), bucket, settings.CONFIG.cold_zstd_level)
    return copying.run(is_over)


@shared_task(name="recorder.tasks.copy_open_segments", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def copy_open_segments() -> int:
    """Copy what is being recorded to the cold store as far as it has come; returns how many objects were put.

    Raises OSError, django.db.Error.
    """
    bucket = cold_bucket()
    if bucket is None:
        return 0
    return detached(lambda: sum_of_each(_markets(), lambda market: _open_segments(market.symbol, bucket).copy()))


@cache
def _open_segments(symbol: str, bucket: Bucket) -> OpenSegments:
    """One for each market, which remembers what it has put."""
    return OpenSegments(symbol, directory_of(symbol), bucket)


@shared_task(name="recorder.tasks.take_stock", ignore_result=True, throws=(OSError, DatabaseError))  # type: ignore[untyped-decorator]
def take_stock() -> None:
    """Find out whether rows list every file, where something other than market and clean-up changed a directory.

    Raises OSError, django.db.Error.
    """
    detached(lambda: sum_of_each(_markets(), _take_stock))


def _take_stock(market: Market) -> int:
    """Compare the kinds of which it is not known whether rows list every file; returns how many these are."""
    directory = directory_of(market.symbol)
    unsure = [kind for kind in KINDS if not is_exact(market.symbol, kind, directory / kind)]
    for kind in unsure:
        compare(market, kind, directory / kind)
    return len(unsure)
