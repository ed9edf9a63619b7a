"""Totals: how much is kept of each market and kind."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count, Q, Sum

from recorder.models import Segment


class Total(NamedTuple):
    """Segments of one market and kind on disk, the pending one included, with their bytes and lines, and how many
    were removed."""

    symbol: str
    kind: str
    segments: int
    bytes: int
    lines: int
    removed: int


def totals(symbol: str | None = None) -> list[Total]:
    """The totals of a market or of all, by symbol and kind."""
    rows = Segment.objects.all() if symbol is None else Segment.objects.of(symbol)
    on_disk = Q(removed_at=None, missing=False)
    found = (
        rows.values("market__symbol", "kind")
        .annotate(
            kept=Count("pk", on_disk),
            kept_bytes=Sum("bytes", filter=on_disk, default=0),
            kept_lines=Sum("lines", filter=on_disk, default=0),
            removed=Count("pk", ~Q(removed_at=None)),
        )
        .order_by("market__symbol", "kind")
    )
    columns = ("market__symbol", "kind", "kept", "kept_bytes", "kept_lines", "removed")
    return [Total(*values) for values in found.values_list(*columns)]
