"""The rows of digests: the chunks of the roll-up, and which segments' rows lack a digest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

#: Finished segments that are there, of the kinds that have digests (`recorder.digests.digest`), and have none.
UNDIGESTED = Q(kind__in=("metrics", "frames"), pending=False, removed_at=None, missing=False, digest=0)

#: A chunk has 2 to the power of this buckets.
CHUNK_BITS = 10


class DigestChunk(models.Model):
    """1,024 buckets of one width, and the notes among them, of all digests of a kind (`recorder.digests.roll_up`).

    A bucket holds 2^`level` ticks; chunk n begins with bucket 1,024 n. `data` and `notes` are packed
    (`recorder.digests.packing`).
    """

    market = models.ForeignKey("recorder.Market", models.CASCADE, related_name="digest_chunks")
    kind = models.CharField(max_length=8)
    level = models.PositiveSmallIntegerField()
    number = models.BigIntegerField()
    data = models.BinaryField()
    notes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "kind", "level", "number"], name="digest_chunk_once"),
        ]

    def __str__(self) -> str:
        return f"{self.market.symbol} {self.kind} 2^{self.level} #{self.number}"
