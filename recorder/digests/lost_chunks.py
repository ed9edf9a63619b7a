"""Lost chunks: rows of the roll-up that must be there by what the rows of segments say, and are not."""

from __future__ import annotations

from django.db.models import F

from recorder.digests.chunk_row import CHUNK_BITS, DigestChunk
from recorder.digests.digest import VERSIONS
from recorder.digests.pyramid import FINEST
from recorder.digests.roll_up import LEVELS
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.spans import Span, merged


def lost_chunks(market: Market, kind: str) -> list[tuple[int, int]]:
    """Level and number of each. Raises django.db.Error."""
    rows = _digested(market, kind).filter(end_t__gte=F("start_t")).order_by()  # one of gap lines alone has no message
    finest = set[int]()
    for start_t, end_t, lines, gaps in rows.values_list("start_t", "end_t", "lines", "gaps"):
        first, last = (t >> FINEST + CHUNK_BITS for t in (start_t, end_t))
        # A gap may be of any length. Without one, messages are equally far apart: further than a chunk is long, each is
        # in one of its own, and nearer ones leave none empty.
        is_sparse = gaps > 0 or lines <= last - first
        finest.update((first, last) if is_sparse else range(first, last + 1))
    there = set(DigestChunk.objects.filter(market=market, kind=kind).values_list("level", "number"))
    needed = ((level, number) for level in LEVELS for number in sorted({at >> level - FINEST for at in finest}))
    return [chunk for chunk in needed if chunk not in there]


def segments_of(market: Market, kind: str, chunks: list[tuple[int, int]]) -> list[SegmentQuerySet]:
    """The segments with a digest that reach into some chunks, for each stretch of t that these have."""
    return [
        _digested(market, kind).from_t(first).filter(start_t__lte=last) for first, last in merged(map(_span, chunks))
    ]


def _span(chunk: tuple[int, int]) -> Span:
    level, number = chunk
    return number << level + CHUNK_BITS, ((number + 1) << level + CHUNK_BITS) - 1


def _digested(market: Market, kind: str) -> SegmentQuerySet:
    """Removed segments whose digests of an older version are kept cannot be rolled up any more.

    That the version is above 0 is said for SQLite, which would look at all segments else.
    """
    return Segment.objects.of(market, kind).filter(digest__gt=0, digest=VERSIONS[kind])
