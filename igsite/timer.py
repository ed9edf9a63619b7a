"""Periodic work of the embedded mode: what Celery beat does elsewhere, on a timer in the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils.module_loading import import_string

from runtime.supervision import supervisor

log = logging.getLogger(__name__)


#: What a child of low priority does where everything else is one process (`recorder.child`).
_BY_CHILD = {"recorder.tasks.digest", "recorder.tasks.copy_segments"}


def scheduled() -> list[tuple[float, Callable[[], Any]]]:
    """(seconds between two runs, the task's own function) of what Celery beat has in its schedule and no child does."""
    entries: Iterable[dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE.values()
    ours = (entry for entry in entries if entry["task"] not in _BY_CHILD)
    return [(float(entry["schedule"]), import_string(entry["task"])) for entry in ours]


async def run_scheduled() -> None:
    """Run every scheduled task in its time, for ever; each begins with a run at once."""
    async with asyncio.TaskGroup() as group:
        for seconds, task in scheduled():
            name = f"scheduled {task.__name__}"
            group.create_task(supervisor.every(seconds, name, partial(_run, seconds, task)))


async def _run(seconds: float, task: Callable[[], Any]) -> None:
    try:
        await asyncio.to_thread(task)
    except DatabaseError as error:  # an outage has an alert of its own
        log.error("%s did not end well, the next is in %g s: %s", task.__name__, seconds, error)
