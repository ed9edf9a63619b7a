"""Totals: how many segments, bytes and lines are kept of each market and kind."""

from __future__ import annotations

from typing import NamedTuple

from recorder.models import Inventory, Segment


class Total(NamedTuple):
    """The segments of one market and kind on disk, the pending one included, and how many were removed.

    `cold_segments` and `cold_bytes` are those in the bucket alone, whose lines are among `lines`.
    """

    symbol: str
    kind: str
    segments: int
    bytes: int
    lines: int
    removed: int
    cold_segments: int = 0
    cold_bytes: int = 0


def totals(symbol: str | None = None) -> list[Total]:
    """The totals of a market or of all, by symbol and kind."""
    found = {}
    columns = ("market__symbol", "kind", "segments", "bytes", "lines", "removed", "cold_segments", "cold_bytes")
    for kept in map(Total._make, Inventory.objects.values_list(*columns)):
        found[kept.symbol, kept.kind] = kept._replace(
            segments=kept.segments - kept.cold_segments, bytes=kept.bytes - kept.cold_bytes
        )
    pending = Segment.objects.kept().filter(pending=True).order_by()
    for market, kind, size, lines in pending.values_list("market__symbol", "kind", "bytes", "lines"):
        known = found.get((market, kind), Total(market, kind, 0, 0, 0, 0))
        found[market, kind] = known._replace(
            segments=known.segments + 1, bytes=known.bytes + size, lines=known.lines + lines
        )
    wanted = (total for total in found.values() if symbol in (None, total.symbol))
    return sorted(total for total in wanted if total.segments or total.removed or total.cold_segments)
