"""Celery beat's scheduler: each periodic task every so many seconds, by a clock that nobody sets.

Celery's own goes by the host's clock: one that is set back a day stops all periodic work for that day. It also keeps
in a file when what was last due, which nothing here needs: each task begins with a run at once, as in
`igsite.timer`. And it sends where no worker is, for ever: what has expired leaves Redis when a worker takes it.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import beat

from monitoring.task_runs import SENT
from runtime.announced import Announced

log = logging.getLogger(__name__)

#: With so many in the queue no more are sent. It is above where the alert MarketCameraQueueLong tells of it.
MOST_WAITING = 200


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Sends the entries of `CELERY_BEAT_SCHEDULE`, whose schedules are seconds."""

    def setup_schedule(self) -> None:
        self.update_from_dict(self.app.conf.beat_schedule)
        self._due = dict.fromkeys(self.schedule, time.monotonic())
        self._room = Announced(log)

    def tick(self, **_: Any) -> float:
        """Send what is due, if the queue has room for it; in how many seconds the next one is."""
        due = [name for name, at in self._due.items() if time.monotonic() >= at]
        is_full = bool(due) and self._is_full()
        for name in due:
            entry = self.schedule[name]
            self._due[name] = time.monotonic() + entry.schedule.run_every.total_seconds()
            if not is_full:
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min(self._due.values()) - time.monotonic())

    def apply_async(self, entry: Any, *more: Any, **named: Any) -> Any:
        """Send a task, with the time of this in its message."""
        entry.options = {**entry.options, "headers": {SENT: time.time()}}
        return super().apply_async(entry, *more, **named)

    def _is_full(self) -> bool:
        """Whether the queue has too many that wait; a broker that does not say is no reason to send nothing."""
        queue = self.app.conf.task_default_queue
        try:
            channel = self.producer.channel
            if channel.connection is None:  # closed in an outage: what is sent next opens another, to ask would fail
                return False
            waiting = channel.queue_declare(queue=queue).message_count
        except (*self.connection.connection_errors, *self.connection.channel_errors) as error:
            log.debug("the broker cannot be asked for the length of %s: %s", queue, error)
            return False
        if waiting < MOST_WAITING:
            self._room.back("The queue %s has room again: periodic tasks are sent.", queue)
            return False
        self._room.lost(
            "%d tasks wait in the queue %s, no periodic ones are added: is its worker there?", waiting, queue
        )
        return True
