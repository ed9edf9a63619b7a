"""Totals: how many segments, bytes and lines are kept of each market and kind."""

from __future__ import annotations

from typing import NamedTuple

from recorder.models import Inventory, Segment


class Total(NamedTuple):
    """The segments of one market and kind on disk, the pending one included, and how many were removed."""

    symbol: str
    kind: str
    segments: int
    bytes: int
    lines: int
    removed: int


def totals(symbol: str | None = None) -> list[Total]:
    """The totals of a market or of all, by symbol and kind."""
    found = {}
    for values in Inventory.objects.values_list("market__symbol", "kind", "segments", "bytes", "lines", "removed"):
        found[values[:2]] = Total(*values)
    pending = Segment.objects.on_disk().filter(pending=True).order_by()
    for market, kind, size, lines in pending.values_list("market__symbol", "kind", "bytes", "lines"):
        known = found.get((market, kind), Total(market, kind, 0, 0, 0, 0))
        found[market, kind] = known._replace(
            segments=known.segments + 1, bytes=known.bytes + size, lines=known.lines + lines
        )
    wanted = (total for total in found.values() if symbol in (None, total.symbol))
    return sorted(total for total in wanted if total.segments or total.removed)
