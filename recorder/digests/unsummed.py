"""What is not summed up: recorded segments that no digest holds yet, nor what is read of the newest."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.digests.chunk_row import UNDIGESTED
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.spans import Span, merged, without

#: Of so many segments it is told one by one; where still more wait, what lies before the newest counts as one stretch.
_MOST_SEGMENTS = 2000


def unsummed(waiting: Sequence[Span], t0: int, t1: int, summed: Sequence[Span], bucket: int) -> list[dict[str, int]]:
    """The stretches within t0..t1 of segments without a digest, but for what is `summed` without one, in order of t.

    Stretches closer than a bucket are one: messages of a kind are some ticks apart.
    """
    left = [rest for span in waiting for rest in without(span, summed)]
    inside = [(max(first, t0), min(last, t1)) for first, last in left if first <= t1 and last >= t0]
    joined = merged((first, last + bucket) for first, last in inside)
    return [{"from_t": first, "to_t": last - bucket} for first, last in joined]


def waiting(market: Market | str, kind: str, t0: int, t1: int) -> list[Span]:
    """The first and last t of each segment without a digest, the open one too. Raises django.db.Error.

    Whoever reads digests asks for it first: one that is made meanwhile is then told as waiting too, not as neither.
    """
    rows = Segment.objects.of(market, kind).filter(start_t__lte=t1)
    finished = rows.filter(UNDIGESTED).from_t(t0)
    spans = _newest(finished)
    if len(spans) == _MOST_SEGMENTS:
        first = finished.order_by("start_t").values_list("start_t", flat=True)[0]
        spans.append((first, spans[-1][0]))
    spans += _newest(rows.filter(pending=True).kept())
    return [(first, last) for first, last in spans if first <= last]  # one of gap lines alone has no message


def _newest(rows: SegmentQuerySet) -> list[Span]:
    return list(rows.order_by("-start_t").values_list("start_t", "end_t")[:_MOST_SEGMENTS])
