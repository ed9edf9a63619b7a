"""What is kept of which market: the manifest, one row a segment, append-only."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from django.db import models
from django.db.models import Q

from recorder.format import KINDS, manifest_form, market_dir, pending_name, segment_path


class Market(models.Model):
    """One market: a symbol, its store and its tape.

    `store_id` is that of its store (`recorder.store_id`), "" until a writer has opened it.
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


class Run(models.Model):
    """Ticks made by one source under one set of settings; a market's store is a row of runs.

    A message's `t` is its source's own t plus `t_shift`; its ts is
    `start_ts + (t - first_t) * tick_interval` where the source gave none.
    """

    market = models.ForeignKey(Market, models.PROTECT, related_name="runs")
    first_t = models.BigIntegerField()
    start_ts = models.FloatField()
    tick_interval = models.FloatField()
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


class SegmentQuerySet(models.QuerySet["Segment"]):
    """The ways in which segments are asked for."""

    def of(self, market: Market | str, kind: str | None = None) -> SegmentQuerySet:
        """Those of a market, given as row or symbol, and of one kind or all."""
        key = {"market__symbol": market} if isinstance(market, str) else {"market": market}
        found = self.filter(**key)
        return found if kind is None else found.filter(kind=kind)

    def finished(self) -> SegmentQuerySet:
        """Sealed ones, whatever became of them since."""
        return self.filter(pending=False)

    def on_disk(self) -> SegmentQuerySet:
        """Those whose file is there."""
        return self.filter(removed_at=None, missing=False)

    def oldest_first(self) -> SegmentQuerySet:
        """By the t they begin with, the pending one last."""
        return self.order_by("pending", "start_t", "kind", "name")


class Segment(models.Model):
    """What the manifest knows of one segment; a removed one keeps its row.

    `name` is the lasting file name, without `_pending`. `start_t`, `end_t`, `seek_points` and the rest mean
    what they mean in `recorder.format.SegmentFacts`. `created_at` is when it was sealed, or, while it is
    pending, when it was opened. `missing`: the file should be there and is not.
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

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["market", "start_t", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["market", "kind", "name"], name="segment_name_once_a_kind"),
        ]
        indexes = [
            # A reader looks for the segments that hold a span of t, a listing for their order.
            models.Index(fields=["market", "kind", "start_t"], name="segment_by_start"),
            models.Index(fields=["market", "kind", "end_t"], name="segment_by_end"),
            # A clean-up looks for the oldest that may go.
            models.Index(
                fields=["market", "created_at"],
                name="segment_removable",
                condition=Q(removed_at=None, pending=False),
            ),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def file(self) -> str:
        """The name of the file as it lies on disk now."""
        return pending_name(self.name) if self.pending else self.name

    @property
    def state(self) -> str:
        """In one word: pending, finished, removed or missing."""
        if self.removed_at is not None:
            return "removed"
        if self.missing:
            return "missing"
        return "pending" if self.pending else "finished"

    @property
    def path(self) -> str:
        """The path in the market's directory, as the manifest gives it."""
        return f"{self.kind}/{self.file}"

    def path_under(self, root: Path, home_symbol: str) -> Path:
        """Where the file lies under the store's root."""
        return segment_path(self.market.directory(root, home_symbol), self.kind, self.file)

    def manifest_form(self) -> dict[str, Any]:
        """The segment as HTTP lists it; one that was removed says when."""
        form = manifest_form(self)
        if self.removed_at is not None:
            form["removed_at"] = f"{self.removed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return form


class Lease(models.Model):
    """Who may write a market, whichever host it is on; `recorder.lease` says how it is taken and kept.

    `token` is made anew by each holder, "" when nobody holds the market. `holder`, `host` and `store` name the holder,
    or the last one. `unrecorded_to` is the last tick that was streamed while its recording stood still, None when all
    was recorded. `silence_seconds` is for how long the holder may be silent at the pace of its market, None of one that
    did not tell.
    """

    market = models.OneToOneField(Market, models.CASCADE, primary_key=True, related_name="lease")
    token = models.CharField(max_length=32, blank=True)
    holder = models.TextField(blank=True)
    host = models.TextField(blank=True)
    store = models.TextField(blank=True)
    renewed_at = models.DateTimeField(null=True, blank=True)
    unrecorded_to = models.BigIntegerField(null=True, blank=True)
    silence_seconds = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.market.symbol}: {self.holder if self.token else 'free'}"
