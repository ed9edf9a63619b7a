"""The row that tells how copying to the cold store is going, for web processes and the admin."""

from __future__ import annotations

from django.db import models


class ColdState(models.Model):
    """Why segments of a market are not copied: `reason` is "" while they are, and `since` when that last changed."""

    market = models.OneToOneField("recorder.Market", models.CASCADE, primary_key=True, related_name="cold_state")
    reason = models.TextField(blank=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.market_id}: {self.reason or 'well'}"
