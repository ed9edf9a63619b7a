"""Holes: the t between a market's segments that no segment holds, found without looking at every segment."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import islice

from django.db.models import F, OuterRef, Subquery

from recorder.models import Segment, SegmentQuerySet
from recorder.spans import Span, merged

#: Rows read by one query: of short sequences it holds many, and a long one is passed over at its end.
_PAGE_ROWS = 256


def holes(market: str, kind: str, most: int) -> list[Span]:
    """The t that no segment holds between two adjacent ones, ascending; the newest, if there are more.

    A gap line in the next segment records a loss; the rows of removed segments record the rest. Raises django.db.Error.
    """
    rows = Segment.objects.of(market, kind)
    return merged([*_lost(rows.kept(), most), *islice(_gone(rows), most)])[-most:]


def _lost(kept: SegmentQuerySet, most: int) -> Iterator[Span]:
    """Before segments with gap lines; most of these tell what is missing within the segment, and no hole."""
    before = kept.filter(start_t__lt=OuterRef("start_t")).order_by("-start_t").values("end_t")[:1]
    telling = kept.filter(gaps__gt=0).order_by("-start_t").annotate(reached=Subquery(before))
    holes = telling.filter(reached__lt=F("start_t") - 1).values_list("start_t", "reached")
    for start_t, reached in holes[:most]:
        yield reached + 1, start_t - 1


def _gone(rows: SegmentQuerySet) -> Iterator[Span]:
    """From one sequence of removed segments to the one before it, the newest first."""
    at = _start_of(rows.kept().order_by("-start_t"))
    while at is not None:
        newest = rows.gone().filter(start_t__lt=at).order_by("-start_t").values_list("start_t", flat=True)
        gone = list(newest[:_PAGE_ROWS])
        if not gone:
            return
        behind_t = _start_of(rows.kept().filter(start_t__gt=gone[0]).order_by("start_t"))
        # One that was lost in a crash and made again begins with the same t as before.
        kept = rows.kept().filter(start_t__lte=gone[0]).order_by("-start_t", "-end_t").values_list("start_t", "end_t")
        at = yield from _between(gone, behind_t, list(kept[:_PAGE_ROWS]))


def _between(gone: list[int], behind_t: int | None, kept: list[Span]) -> Generator[Span, None, int | None]:
    """The holes that these pages show, the newest first; the t before which others are to be looked for, None at the
    end. `behind_t` is where the first segment behind all of them begins."""
    at, place = gone[0] + 1, 0
    for gone_t in gone:
        if gone_t >= at:
            continue  # of the sequence before which `at` is
        while place < len(kept) and kept[place][0] > gone_t:
            behind_t, place = kept[place][0], place + 1
        if place == len(kept):
            return gone_t + 1 if place == _PAGE_ROWS else None
        if behind_t is None:
            return None
        at, reached = kept[place]
        if reached + 1 < behind_t:
            yield reached + 1, behind_t - 1
    return at


def _start_of(rows: SegmentQuerySet) -> int | None:
    return rows.values_list("start_t", flat=True).first()
