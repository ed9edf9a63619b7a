"""The row that tells how a scheduled task is going: workers serve no HTTP."""

from __future__ import annotations

from django.db import models


class TaskRun(models.Model):
    """All runs of a task from one queue, that is, on one disk: how many, and the last of them."""

    task = models.CharField(max_length=64)
    queue = models.CharField(max_length=200)
    runs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    items = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "queue"], name="task_run_once_a_queue")]

    def __str__(self) -> str:
        return f"{self.task} from {self.queue}"
