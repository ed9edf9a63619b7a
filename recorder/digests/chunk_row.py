"""The rows of digests: the chunks of the roll-up, and which segments' rows lack a digest."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q, Value

_KINDS = ("metrics", "frames")
_HAS_NONE: dict[str, Any] = {"pending": False, "removed_at": None, "missing": False, "digest": 0}


class _InTheText(Value):
    """A word that stands in the text of a query, and is no parameter of it.

    SQLite takes an index of some rows where it sees that the query wants none but these. In a list it does not look at
    what parameters are, and would read every row that is kept to find the few.
    """

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        return f"'{self.value}'", ()


#: Finished segments that are there, of the kinds that have digests (`recorder.digests.digest`), and have none: for
#: queries, and as the index has it.
UNDIGESTED = Q(kind__in=tuple(map(_InTheText, _KINDS)), **_HAS_NONE)
UNDIGESTED_INDEX = Q(kind__in=_KINDS, **_HAS_NONE)

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
