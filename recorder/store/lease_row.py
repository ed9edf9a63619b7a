"""The row that tells which process may write a market."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """Which process may write a market, on any host; `recorder.store.lease` takes and renews it.

    `token` is new for each holder, and "" while no process holds the market. `holder`, `host` and `store` name the
    holder, or the last one. `unrecorded_to` is the last tick that was streamed while the recording stood still, None if
    all was recorded. `silence_seconds` is how long the holder may be silent at the pace of its market, None if it did
    not say.
    """

    market = models.OneToOneField("recorder.Market", models.CASCADE, primary_key=True, related_name="lease")
    token = models.CharField(max_length=32, blank=True)
    holder = models.TextField(blank=True)
    host = models.TextField(blank=True)
    store = models.TextField(blank=True)
    renewed_at = models.DateTimeField(null=True, blank=True)
    unrecorded_to = models.BigIntegerField(null=True, blank=True)
    silence_seconds = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.market.symbol}: {self.holder if self.token else 'free'}"
