"""`/metrics`: what this process counted, and what those it asks know; whoever is away makes its figures absent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

from monitoring import queues, rows
from monitoring.asked import Asked
from monitoring.families import Families
from monitoring.process_figures import add_process
from recorder.retention import disk_use
from recorder.retention_policy import DiskUse
from runtime import pools
from runtime.shared import Shared
from streaming.group.membership import LAYER_ERRORS
from streaming.http.views import VERSION

_process = CollectorRegistry()
ProcessCollector(registry=_process)


@cache
def _database() -> Asked[rows.Rows]:
    return Asked("the database", lambda: pools.lookups.ask_on(rows.look), (DatabaseError,))


@cache
def _disk() -> Asked[DiskUse]:
    return Asked("the disk", lambda: pools.files.go_on(disk_use, settings.CONFIG.store_dir), (OSError,))


@cache
def _redis() -> Asked[dict[str, int]] | None:
    url, names = settings.CONFIG.redis_url, tuple(settings.CELERY_TASK_QUEUES)
    return Asked("Redis", lambda: queues.lengths(url, names), LAYER_ERRORS) if url else None


async def _made() -> bytes:
    """The metrics as Prometheus text. The loop takes what it knows itself, and a thread writes all of it out."""
    asked: dict[str, Asked[Any]] = {"database": _database(), "disk": _disk()}
    if redis := _redis():
        asked["redis"] = redis
    answers = await asyncio.gather(*(one.answer() for one in asked.values()))
    families = Families()
    await add_process(families, VERSION)
    return await pools.figures.go_on(_written, families, dict(zip(asked, answers, strict=True)))


def _written(families: Families, answers: dict[str, Any]) -> bytes:
    """The text of these figures, with what each source answered; None where it did not."""
    for source, answer in answers.items():
        families.add("scrape_failures", float(answer is None), source)
        if answer is not None:
            _ADD[source](families, answer)
    return generate_latest(families) + generate_latest(_process)


_text = Shared(_made)


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics as Prometheus text, made once for all who ask within a second."""
    text = await _text.get()
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _add_disk(families: Families, use: DiskUse) -> None:
    families.add("disk_size_bytes", use.total)
    families.add("disk_free_bytes", use.free)
    families.add("disk_used_ratio", use.percent / 100)
    families.add("disk_threshold_ratio", settings.CONFIG.retain_disk_percent / 100)


_ADD: dict[str, Callable[[Families, Any], None]] = {
    "database": rows.add_rows,
    "disk": _add_disk,
    "redis": queues.add_queues,
}
