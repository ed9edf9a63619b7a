"""Lists of the segments that can be fetched, for HTTP and manifest.json, and an identifier of their state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from recorder.cold.copies import has_open_copies, is_elsewhere
from recorder.models import Inventory, Market, Segment, SegmentQuerySet
from recorder.segment.layout import manifest_form
from recorder.store.store_paths import directory_of
from runtime.db_threads import reading

#: The first page of rows: mostly there are fewer new ones.
_FIRST_ROWS = 16


class _Row(NamedTuple):
    """The facts of a segment in a manifest."""

    start_t: int
    name: str
    kind: str
    end_t: int
    lines: int
    bytes: int
    created_at: datetime
    pending: bool


def manifest_of(
    market: Market | str, kind: str, *, after_t: int | None = None, pending: bool = True
) -> Iterator[dict[str, Any]]:
    """The segments of a kind that can be fetched, as HTTP and manifest.json list them: oldest first, pending ones last.

    With `after_t` only segments that reach further, and all pending ones; without `pending` none of these. Rows are
    read a page at a time, starting at the first wanted one. Raises django.db.Error.
    """
    kept = _fetchable(market, kind)
    # Queried before the finished ones, so that a segment sealed meanwhile is among those, and not in neither.
    open_ones = [*_rows(kept.filter(pending=True))] if pending else []
    named = {row.name for row in open_ones}
    for row in _rows(kept.finished(), after_t):
        named.discard(row.name)
        yield manifest_form(row)
    yield from (manifest_form(row) for row in open_ones if row.name in named)


def manifest_before(
    market: Market | str, kind: str, before_t: int, most: int, *, pending: bool = True
) -> Iterator[dict[str, Any]]:
    """The segments of the same list that begin before a t, and of these the last `most`. Raises django.db.Error."""
    kept = _fetchable(market, kind)
    rows = (kept if pending else kept.finished()).filter(start_t__lt=before_t).order_by("-start_t", "-name")
    found = reading(lambda: list(rows.values_list(*_Row._fields)[:most]))
    yield from map(manifest_form, sorted(map(_Row._make, reversed(found)), key=lambda row: row.pending))


def _fetchable(market: Market | str, kind: str) -> SegmentQuerySet:
    """What can be read here: where the market's disk is that of another machine, what is in the bucket."""
    rows = Segment.objects.of(market, kind).kept()
    return rows.in_bucket() if _is_elsewhere(market, kind) and not has_open_copies() else rows


def _is_elsewhere(market: Market | str, kind: str) -> bool:
    return is_elsewhere(directory_of(market if isinstance(market, str) else market.symbol) / kind)


def _rows(segments: SegmentQuerySet, after_t: int | None = None) -> Iterator[_Row]:
    from_t = None if after_t is None else after_t + 1
    rows = map(_Row._make, segments.paged(*_Row._fields[2:], from_t=from_t, first_rows=_FIRST_ROWS))
    return rows if after_t is None else (row for row in rows if row.end_t > after_t)


def _newest_copy(market: str, kind: str) -> str | None:
    """The segment in the bucket that begins last, where what is in the bucket is all there is."""
    rows = _fetchable(market, kind).order_by("-start_t").values_list("name", flat=True)
    return rows.first() if _is_elsewhere(market, kind) else None


class ManifestState(NamedTuple):
    """The state of manifests: a `version` that differs for each content, and the t of the first segment."""

    version: str
    first_t: int | None


def state_of(market: str, kinds: Sequence[str]) -> ManifestState:
    """The state of the manifests of these kinds, without reading them. Raises django.db.Error."""
    columns = ("kind", "segments", "bytes", "lines", "removed")
    sums = Inventory.objects.filter(market__symbol=market, kind__in=kinds).order_by("kind").values_list(*columns)
    open_ones = (
        Segment.objects.of(market)
        .kept()
        .filter(kind__in=kinds, pending=True)
        .order_by("kind", "start_t")
        .values_list("kind", "name", "end_t", "lines", "bytes")
    )
    of_kinds = [_fetchable(market, kind) for kind in kinds]
    firsts = (some.order_by("start_t").values_list("start_t", flat=True).first() for some in of_kinds)
    first = min((t for t in firsts if t is not None), default=None)
    text = repr(([*sums], [*open_ones], [_newest_copy(market, kind) for kind in kinds]))
    return ManifestState(blake2b(text.encode(), digest_size=12).hexdigest(), first)
