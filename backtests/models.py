"""The requests for backtests, their progress and their results: one row per backtest."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
STATUSES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)


def new_id() -> str:
    """An id that cannot be guessed and that no other backtest has."""
    return f"bt_{secrets.token_hex(8)}"


class Backtest(models.Model):
    """A backtest; `backtests.running.lifecycle` moves it from one status to the next.

    The range is that of bars with `from_ms <= open` and `close <= to_ms`. `params` holds every parameter of the
    strategy. `sent_at`: when a worker was last asked to run it; `heard_at`: the last sign of life of its worker;
    `suspected_at`: since when the worker is known to be silent. `owner` is that of the token that asked for it.
    """

    backtest_id = models.CharField(max_length=19, unique=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    strategy = models.CharField(max_length=64)
    symbol = models.CharField(max_length=32)
    resolution = models.CharField(max_length=3)
    from_ms = models.BigIntegerField("from")
    to_ms = models.BigIntegerField("to")
    cash = models.FloatField()
    fee = models.FloatField()
    params = models.JSONField(default=dict)
    status = models.CharField(max_length=9, choices=[(status, status) for status in STATUSES], default=QUEUED)
    progress = models.FloatField(default=0.0)
    error = models.TextField(null=True, blank=True)  # noqa: DJ001  (null is what clients get)
    result = models.JSONField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    suspected_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            # The next one to run, and those whose worker fell silent, are among few that are not over.
            models.Index(
                fields=["status", "created_at"],
                name="backtest_not_over",
                condition=models.Q(status__in=[QUEUED, RUNNING]),
            ),
            models.Index(fields=["-created_at", "-id"], name="backtest_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.backtest_id}: {self.strategy} on {self.symbol} {self.resolution}"

    def form(self) -> dict[str, Any]:
        """The backtest as HTTP gives it."""
        return {
            "backtest_id": self.backtest_id,
            "status": self.status,
            "progress": self.progress,
            "error": self.error,
            "result": self.result,
            "strategy": self.strategy,
            "symbol": self.symbol,
            "resolution": self.resolution,
            "from": self.from_ms,
            "to": self.to_ms,
            "cash": self.cash,
            "fee": self.fee,
            "params": self.params,
            "created_at": _text(self.created_at),
            "started_at": _text(self.started_at),
            "ended_at": _text(self.ended_at),
        }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
