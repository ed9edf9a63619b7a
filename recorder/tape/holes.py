"""Holes: the t between a market's segments that no segment holds, found without looking at every segment."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import OuterRef, Subquery

from recorder.models import Segment, SegmentQuerySet
from recorder.spans import Span, merged


def holes(market: str, kind: str, most: int) -> list[Span]:
    """The t that no segment holds between two adjacent ones, ascending; the newest, if there are more.

    A gap line in the next segment records a loss; the rows of removed segments record the rest. Raises django.db.Error.
    """
    rows = Segment.objects.of(market, kind)
    return merged([*_lost(rows.kept(), most), *_gone(rows, most)])[-most:]


def _lost(kept: SegmentQuerySet, most: int) -> Iterator[Span]:
    before = kept.filter(start_t__lt=OuterRef("start_t")).order_by("-start_t").values("end_t")[:1]
    telling = kept.filter(gaps__gt=0).order_by("-start_t").annotate(reached=Subquery(before))
    for start_t, reached in telling.values_list("start_t", "reached")[:most]:
        if reached is not None and reached + 1 < start_t:
            yield reached + 1, start_t - 1


def _gone(rows: SegmentQuerySet, most: int) -> Iterator[Span]:
    """Steps from one sequence of removed segments to the one before it."""
    at = _start_of(rows.kept().order_by("-start_t"))
    for _ in range(most):
        gone_t = None if at is None else _start_of(rows.gone().filter(start_t__lt=at).order_by("-start_t"))
        if gone_t is None:
            return
        before = rows.kept().filter(start_t__lt=gone_t).order_by("-start_t").values_list("start_t", "end_t").first()
        behind_t = _start_of(rows.kept().filter(start_t__gt=gone_t).order_by("start_t"))
        if before is None or behind_t is None:
            return
        if before[1] + 1 < behind_t:
            yield before[1] + 1, behind_t - 1
        at = before[0]


def _start_of(rows: SegmentQuerySet) -> int | None:
    return rows.values_list("start_t", flat=True).first()
