"""The alerts that were raised, and when each cleared."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

#: The level of rows of market events, and of no others.
EVENT = "info"

LEVELS = (EVENT, "warning", "critical")


class Alert(models.Model):
    """One alert. `key` names its cause; at most one alert of a cause is active, that is, not cleared.

    A market event (`info`) has no end: it is cleared with its own timestamp, which is market time. `written_at` is when
    the row was made, by the database's clock. `acknowledged_at` and `acknowledged_by`: who said in the admin that
    somebody sees to it; nothing else depends on that.
    """

    level = models.CharField(max_length=8, choices=[(level, level) for level in LEVELS])
    message = models.TextField()
    source = models.CharField(max_length=255)
    key = models.CharField(max_length=1024)
    timestamp = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True, db_default="")
    written_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-pk"]  # market time may be years ago, or years ahead
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(cleared_at=None), name="alert_active_once"),
            # Every web process stores what it saw in a market: the same for all.
            models.UniqueConstraint(fields=["key", "timestamp"], name="alert_once"),
        ]
        indexes = [models.Index(fields=["-timestamp"], name="alert_by_time")]

    def __str__(self) -> str:
        return self.message

    def told(self) -> dict[str, Any]:
        """The form in which subscribers receive it; times in Unix seconds."""
        facts = {"level": self.level, "message": self.message}
        return {**facts, "timestamp": self.timestamp.timestamp(), "source": self.source}

    def listed(self) -> dict[str, Any]:
        """The form in which HTTP lists it."""
        return {
            "id": self.pk,
            **self.told(),
            "cleared_at": None if self.cleared_at is None else self.cleared_at.timestamp(),
        }
