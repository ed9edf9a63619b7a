"""The database's record of each market: the manifest, one row per segment, append-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.functions import Coalesce

# Django looks for rows here.
from recorder.cold.state_row import ColdState as ColdState
from recorder.digests.chunk_row import UNDIGESTED_INDEX
from recorder.digests.chunk_row import DigestChunk as DigestChunk
from recorder.manifest.inventory_row import Inventory as Inventory
from recorder.segment.layout import KINDS, manifest_form, market_dir, pending_name
from recorder.store.agent_row import Agent as Agent
from recorder.store.clean_up_row import LastCleanUp as LastCleanUp
from recorder.store.lease_row import Lease as Lease
from runtime.db_threads import reading


class Market(models.Model):
    """One market: a symbol, its store and its tape.

    `store_id` is that of its store (`recorder.store.store_id`), "" until a writer has opened it.
    """

    symbol = models.CharField(max_length=32, unique=True)
    store_id = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        return self.symbol

    def directory(self, root: Path, home_symbol: str) -> Path:
        """Where this market keeps its files under the store's root."""
        return market_dir(root, self.symbol, home_symbol)


def market_key(market: Market | str) -> Any:
    """The value by which rows are filtered to those of a market, given as row or symbol.

    It is one value, not a join. PostgreSQL cannot estimate how many markets a join matches, and would sort all the rows
    found instead of reading a few in the order of an index.
    """
    if isinstance(market, Market):
        return market.pk
    return Subquery(Market.objects.filter(symbol=market).order_by().values("pk")[:1])


class Run(models.Model):
    """Ticks made by one source under one set of settings; a market's store is a sequence of runs.

    A message's `t` is its source's own t plus `t_shift`. Its ts is `start_ts + (t - first_t) * tick_interval` if the
    source gave none. The price of a tick is `price_low + (price_high - price_low) * price_norm`; both are None until
    its first tick, where the source knows them only then.
    """

    market = models.ForeignKey(Market, models.PROTECT, related_name="runs")
    first_t = models.BigIntegerField()
    start_ts = models.FloatField()
    tick_interval = models.FloatField()
    price_low = models.FloatField(null=True)
    price_high = models.FloatField(null=True)
    source = models.CharField(max_length=4096)
    t_shift = models.BigIntegerField(default=0)
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["market", "first_t", "id"]
        indexes = [models.Index(fields=["market", "first_t"], name="run_by_first_t")]

    def __str__(self) -> str:
        return f"{self.market.symbol} from t={self.first_t}"


#: The length of a page of rows: long enough that the query costs little compared with reading the rows.
_MOST_ROWS = 256

_KEPT = Q(removed_at=None, missing=False)
_GONE = Q(removed_at__isnull=False) | Q(missing=True)


class Cold(models.IntegerChoices):
    """Where the file of a segment is, beside the market's disk: in the bucket too, or in the bucket alone."""

    NONE = 0, "not in the bucket"
    COPIED = 1, "in the bucket too"
    ONLY = 2, "in the bucket alone"


_ON_DISK = _KEPT & Q(cold__lt=Cold.ONLY)
_IN_BUCKET_ALONE = _KEPT & Q(cold=Cold.ONLY)
_UNCOPIED = _KEPT & Q(pending=False, cold=Cold.NONE)
_DIGEST_UNCOPIED = Q(cold__gt=Cold.NONE, digest__gt=0) & ~Q(cold_digest=F("digest"))


class SegmentQuerySet(models.QuerySet["Segment"]):
    """The queries on segments."""

    def of(self, market: Market | str, kind: str | None = None) -> SegmentQuerySet:
        """Segments of a market, given as row or symbol, and of one kind or all.

        The filter names all kinds, too: the kind follows the market in every index. Without it SQLite looks at each row
        of the market.
        """
        found = self.filter(market_id=market_key(market))
        return found.filter(kind__in=KINDS) if kind is None else found.filter(kind=kind)

    def finished(self) -> SegmentQuerySet:
        """Sealed segments, including removed and missing ones."""
        return self.filter(pending=False)

    def kept(self) -> SegmentQuerySet:
        """Segments that can be read: their file is on the market's disk or in the bucket."""
        return self.filter(_KEPT)

    def on_disk(self) -> SegmentQuerySet:
        """Segments whose file is on the market's disk."""
        return self.filter(_ON_DISK)

    def in_bucket(self) -> SegmentQuerySet:
        """Segments whose file is in the bucket, alone or too."""
        return self.filter(cold__gt=Cold.NONE)

    def in_bucket_alone(self) -> SegmentQuerySet:
        """Segments whose file is in the bucket and no longer on the market's disk."""
        return self.filter(_IN_BUCKET_ALONE)

    def uncopied(self) -> SegmentQuerySet:
        """Finished segments that are on the market's disk and not in the bucket."""
        return self.filter(_UNCOPIED)

    def with_digest_uncopied(self) -> SegmentQuerySet:
        """Segments in the bucket whose digest is not there as it is now."""
        return self.filter(_DIGEST_UNCOPIED)

    def gone(self) -> SegmentQuerySet:
        """Segments that cannot be read: their file was removed, or is missing, and is in no bucket."""
        return self.filter(_GONE)

    def newest_of_each(self, most: int) -> set[int]:
        """The keys of the newest of these, so many of each market and kind. Raises django.db.Error.

        Each kind is asked for apart, in the order of an index: the newest of all would be looked for among all rows.
        """
        found: set[int] = set()
        for market in Market.objects.all():
            for kind in KINDS:
                newest = self.of(market, kind).order_by("-start_t").values_list("pk", flat=True)
                found.update(newest[:most])
        return found

    def oldest_first(self) -> SegmentQuerySet:
        """Ordered by their first t, the pending one last."""
        return self.order_by("pending", "start_t", "kind", "name")

    def from_t(self, t: int) -> SegmentQuerySet:
        """Segments of one market and kind: the last that begins at `t` or before, if any, and all after it."""
        last_before = self.filter(start_t__lte=t).order_by("-start_t").values("start_t")[:1]
        return self.filter(start_t__gte=Coalesce(Subquery(last_before), t))

    def paged(
        self, *columns: str, from_t: int | None = None, newest_first: bool = False, first_rows: int = 4
    ) -> Iterator[tuple[Any, ...]]:
        """Segments of one market and kind in market order, with these columns of each, read a page at a time.

        start_t and name come first. Pages grow from `first_rows`, because most callers want one row or two. Raises
        django.db.Error.
        """
        order, behind = (("-start_t", "-name"), "lte") if newest_first else (("start_t", "name"), "gte")
        page, size = self if from_t is None else self.from_t(from_t), first_rows
        while True:
            found = _read(page.order_by(*order).values_list("start_t", "name", *columns)[:size])
            yield from found
            if len(found) < size:
                return
            start_t, name = found[-1][:2]
            page, size = self.filter(**{f"start_t__{behind}": start_t}), min(4 * size, _MOST_ROWS)
            # A segment of gap lines alone begins with the same t as the next one.
            page = page.exclude(**{"start_t": start_t, f"name__{'gte' if newest_first else 'lte'}": name})


def _read(rows: models.QuerySet[Segment, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return reading(lambda: list(rows))


class Segment(models.Model):
    """What the manifest knows of one segment; a removed one keeps its row.

    `name` is the final file name, without `_pending`. `start_t`, `end_t`, `seek_points` and the other fields are those
    of `recorder.segment.layout.SegmentFacts`. `created_at` is when it was sealed, or, while it is pending, when it was
    opened. `missing`: the file should be there and is not.

    `cold` says where else its file is (`recorder.cold`). Once it is in the bucket, `cold_key` is the key of the object
    there, and `cold_bytes`, `cold_sha256` and `cold_seek_points` are of the object, which may be compressed anew.
    `cold_digest` is the version of the digest in the bucket, 0 if none is there.
    """

    market = models.ForeignKey(Market, models.PROTECT, related_name="segments")
    run = models.ForeignKey(Run, models.PROTECT, related_name="segments", null=True, blank=True)
    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in KINDS])
    name = models.CharField(max_length=64)
    start_t = models.BigIntegerField()
    end_t = models.BigIntegerField()
    lines = models.BigIntegerField()
    bytes = models.BigIntegerField()
    text_bytes = models.BigIntegerField()
    created_at = models.DateTimeField()
    pending = models.BooleanField(default=True)
    seek_points = models.JSONField(default=list)
    gaps = models.IntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    pinned = models.BooleanField(default=False, help_text="Kept by every clean-up.")
    removed_at = models.DateTimeField(null=True, blank=True)
    missing = models.BooleanField(default=False)
    digest = models.PositiveSmallIntegerField(default=0, editable=False)
    cold = models.PositiveSmallIntegerField(choices=Cold.choices, default=Cold.NONE, editable=False)
    cold_key = models.CharField(max_length=192, blank=True, editable=False)
    cold_bytes = models.BigIntegerField(default=0, editable=False)
    cold_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    cold_seek_points = models.JSONField(default=list, editable=False)
    cold_digest = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["market", "start_t", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["market", "kind", "name"], name="segment_name_once_a_kind"),
        ]
        # Each row is in one of the first two indexes. Removed segments keep their rows, so after some years most rows
        # are of removed ones. A search for a file must not pass over these, nor a search for what is gone over the
        # files. The same holds for those in the bucket alone.
        indexes = [
            models.Index(fields=["market", "kind", "start_t"], name=f"segment_{name}", condition=condition)
            for name, condition in (
                ("kept", _KEPT),
                ("gone", _GONE),
                ("on_disk", _ON_DISK),
                ("uncopied", _UNCOPIED),
                ("in_bucket", Q(cold__gt=Cold.NONE)),
                ("in_bucket_alone", _IN_BUCKET_ALONE),
                ("digest_uncopied", _DIGEST_UNCOPIED),
                ("pending", Q(pending=True)),
                ("pinned", Q(pinned=True)),
                ("missing", Q(missing=True)),
                ("with_gaps", Q(gaps__gt=0)),
                ("digested", Q(digest__gt=0)),
                ("undigested", UNDIGESTED_INDEX),
                ("digest_left", _GONE & Q(digest__gt=0)),
                ("digest_lost", Q(missing=True, removed_at=None, digest__gt=0)),
            )
        ] + [
            models.Index(
                fields=["market", "kind", "digest"], name="segment_digest_version", condition=_KEPT & Q(digest__gt=0)
            )
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def file(self) -> str:
        """The present name of the file on disk."""
        return pending_name(self.name) if self.pending else self.name

    @property
    def state(self) -> str:
        """The state in one word: pending, finished, removed, missing, or cold: in the bucket alone."""
        if self.removed_at is not None:
            return "removed"
        if self.missing:
            return "missing"
        if self.cold == Cold.ONLY:
            return "cold"
        return "pending" if self.pending else "finished"

    @property
    def path(self) -> str:
        """The path in the market's directory, as the manifest gives it."""
        return f"{self.kind}/{self.file}"

    def manifest_form(self) -> dict[str, Any]:
        """The segment as HTTP lists it; a removed one includes when."""
        form = manifest_form(self)
        if self.removed_at is not None:
            form["removed_at"] = f"{self.removed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return form
