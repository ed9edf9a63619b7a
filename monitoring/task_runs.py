"""Notes how scheduled tasks are going, whoever runs them: a Celery worker, the timer of `live`, or a child of it.

While a task takes a minute, many messages come that ask for the same few others. The worker takes them in their order,
and one that was sent before its task was begun last is skipped: that run did what it asks for. So each task has its
turn, once, however long the others take, and those that take long do not fill the queue.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from celery import Task
from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from monitoring.models import TaskRun
from runtime.db_threads import detached

log = logging.getLogger(__name__)

#: The header of a scheduled task's message that tells when it was sent, in Unix time.
SENT = "market_camera_sent"


class NotedTask(Task):  # type: ignore[misc]
    """A task whose runs are noted. What it returns, if an integer, is how many things it did."""

    abstract = True

    #: When this process began a run of it last, by the monotonic clock.
    _begun = -math.inf

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._was_begun_since():
            return None
        begun, done, well = time.monotonic(), None, False
        self._begun = begun
        try:
            done = super().__call__(*arguments, **named)
            well = True
            return done
        finally:
            note(short(self.name), time.monotonic() - begun, well=well, items=done if type(done) is int else 0)

    def _was_begun_since(self) -> bool:
        """Whether a run was begun after the message that asks for this one was sent.

        Ages are compared, not times: a host's clock that is set changes this for what was sent before alone, and no
        task waits until an hour comes again.
        """
        sent = self.request.get(SENT)
        return sent is not None and time.time() - sent > time.monotonic() - self._begun


def short(name: str) -> str:
    """A task's name without the module that all of them are in: `recorder.clean_up`."""
    return name.replace(".tasks.", ".")


def note(task: str, seconds: float, *, well: bool, items: int = 0) -> None:
    """Note a run that has ended. Without a database it is not noted, and had no effect either."""
    try:
        detached(lambda: _note(task, seconds, well=well, items=items))
    except DatabaseError as error:
        log.debug("a run of %s is not noted: %s", task, error)


def _note(task: str, seconds: float, *, well: bool, items: int) -> None:
    row, _ = TaskRun.objects.get_or_create(task=task, queue=settings.CONFIG.task_queue)
    now = timezone.now()
    changes = {"runs": F("runs") + 1, "ended_at": now} if well else {"failures": F("failures") + 1, "failed_at": now}
    TaskRun.objects.filter(pk=row.pk).update(seconds=seconds, items=F("items") + items, **changes)
