"""Totals: how much is kept of each market and kind."""

from __future__ import annotations

from typing import NamedTuple

from recorder.models import Inventory, Segment


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
    inventories, pending = Inventory.objects.all(), Segment.objects.on_disk().filter(pending=True)
    if symbol is not None:
        inventories, pending = inventories.filter(market__symbol=symbol), pending.of(symbol)
    found = {}
    columns = ("market__symbol", "kind", "segments", "bytes", "lines", "removed")
    for values in inventories.values_list(*columns):
        found[values[:2]] = Total(*values)
    for symbol_, kind, size, lines in pending.order_by().values_list("market__symbol", "kind", "bytes", "lines"):
        known = found.get((symbol_, kind), Total(symbol_, kind, 0, 0, 0, 0))
        found[symbol_, kind] = known._replace(
            segments=known.segments + 1, bytes=known.bytes + size, lines=known.lines + lines
        )
    return sorted(total for total in found.values() if total.segments or total.removed)
