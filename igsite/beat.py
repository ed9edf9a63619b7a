"""Celery beat's scheduler: each periodic task every so many seconds, by a clock that nobody sets.

Celery's own goes by the host's clock: one that is set back a day stops all periodic work for that day. It also keeps
in a file when what was last due, which nothing here needs: each task begins with a run at once, as in
`igsite.timer`.
"""

from __future__ import annotations

import time
from typing import Any

from celery import beat


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Sends the entries of `CELERY_BEAT_SCHEDULE`, whose schedules are seconds."""

    def setup_schedule(self) -> None:
        self.update_from_dict(self.app.conf.beat_schedule)
        self._due = dict.fromkeys(self.schedule, time.monotonic())

    def tick(self, **_: Any) -> float:
        """Send what is due; in how many seconds the next one is."""
        for name, entry in self.schedule.items():
            if time.monotonic() >= self._due[name]:
                self._due[name] = time.monotonic() + entry.schedule.run_every.total_seconds()
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min(self._due.values()) - time.monotonic())
