"""The sums of one kind of a market."""

from __future__ import annotations

from django.db import models

from recorder.segment.layout import KINDS


class Inventory(models.Model):
    """The sums of one kind of a market, updated as its rows change, and whether the rows are known to be exact.

    `segments`, `bytes` and `lines` are of finished segments that can be read; of these `cold_segments` and `cold_bytes`
    are in the bucket alone. `removed` counts those that clean-ups removed. As long as `directory_state` is that of the
    kind's directory (`recorder.segment.listing.state_of`), the rows list exactly the segments in it, except the one
    that was `opened` last, which may have no row yet. "" is the state of no directory. `removing`: rows were marked as
    removed whose files may still be there.
    """

    market = models.ForeignKey("recorder.Market", models.CASCADE, related_name="inventories")
    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in KINDS])
    segments = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    lines = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    cold_segments = models.BigIntegerField(default=0)
    cold_bytes = models.BigIntegerField(default=0)
    directory_state = models.CharField(max_length=64, blank=True)
    opened = models.CharField(max_length=64, blank=True)
    removing = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "kind"], name="inventory_once_a_kind")]

    def __str__(self) -> str:
        return f"{self.market.symbol} {self.kind}"
