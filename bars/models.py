"""Bars in the database: a row for each second, minute, hour and day; the other resolutions are made from these."""

from __future__ import annotations

from django.db import models

from bars.making.resolutions import PERIOD_MS, STORED
from recorder.models import Market


class Bar(models.Model):
    """A closed bar; its fields are those of `bars.making.ohlcv.Ohlcv`, `matches` at most 2^31 - 1.

    Rows are written in the order in which bars closed; bars closed by one tick are written together. The rows are
    therefore always complete up to some tick, and later bars can be made again from the tape.
    """

    market = models.ForeignKey(Market, models.PROTECT, related_name="bars")
    resolution = models.CharField(max_length=2, choices=[(resolution, resolution) for resolution in STORED])
    open_ms = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    matches = models.IntegerField()
    price_open = models.FloatField(null=True)
    price_high = models.FloatField(null=True)
    price_low = models.FloatField(null=True)
    price_close = models.FloatField(null=True)
    first_t = models.BigIntegerField()
    last_t = models.BigIntegerField()
    next_ms = models.BigIntegerField()

    class Meta:
        ordering = ["market", "resolution", "open_ms"]
        constraints = [
            models.UniqueConstraint(fields=["market", "resolution", "open_ms"], name="bar_once_a_period"),
        ]

    def __str__(self) -> str:
        return f"{self.market.symbol} {self.resolution} {self.open_ms}"

    @property
    def close_ms(self) -> int:
        return self.open_ms + PERIOD_MS[self.resolution]


class Gap(models.Model):
    """Ticks from_t..to_t that no bar has, missing before a tick of the second `at_ms`."""

    market = models.ForeignKey(Market, models.PROTECT, related_name="bar_gaps")
    at_ms = models.BigIntegerField()
    from_t = models.BigIntegerField()
    to_t = models.BigIntegerField()

    class Meta:
        ordering = ["market", "from_t"]
        constraints = [models.UniqueConstraint(fields=["market", "from_t"], name="bar_gap_once")]
        indexes = [models.Index(fields=["market", "at_ms"], name="bar_gap_by_time")]

    def __str__(self) -> str:
        return f"{self.market.symbol} t={self.from_t}..{self.to_t}"
