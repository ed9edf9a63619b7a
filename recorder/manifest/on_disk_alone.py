"""The segments whose file is on the market's disk alone, as far as rows tell: in no bucket."""

from __future__ import annotations

from typing import NamedTuple

from recorder.models import Cold, Market, Segment, SegmentQuerySet


class OnDiskAlone(NamedTuple):
    """They are asked for apart, since each has an index: among all on the disk, most may be in the bucket too.

    Pending ones are asked for first: one that is sealed meanwhile may be found twice, but is not passed over.
    """

    pending: SegmentQuerySet
    finished: SegmentQuerySet


def on_disk_alone(market: Market | str, kind: str) -> OnDiskAlone:
    """Those of a market, given as row or symbol, and kind."""
    rows = Segment.objects.of(market, kind)
    return OnDiskAlone(rows.kept().filter(pending=True, cold=Cold.NONE), rows.uncopied())
