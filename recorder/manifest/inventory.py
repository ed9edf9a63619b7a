"""The inventory of each market and kind: sums updated with every row, and whether rows list all files.

Counting a year's rows, or listing its files, takes longer than any caller can wait. Both are done only if something
indicates that they may differ.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, F, Q, Sum

from recorder.models import Cold, Inventory, Market, Segment, SegmentQuerySet
from recorder.segment.layout import pending_name, segment_files
from recorder.segment.listing import DirectoryChange, state_of

log = logging.getLogger(__name__)


class Stock(NamedTuple):
    """The contribution of rows to the sums of an inventory."""

    segments: int = 0
    bytes: int = 0
    lines: int = 0
    removed: int = 0
    cold_segments: int = 0
    cold_bytes: int = 0


def stock_of(row: Segment | None) -> Stock:
    """The present contribution of one row."""
    if row is None or (row.removed_at is None and (row.pending or row.missing)):
        return Stock()
    if row.removed_at is not None:
        return Stock(removed=1)
    is_cold = row.cold == Cold.ONLY
    return Stock(1, row.bytes, row.lines, 0, int(is_cold), row.bytes if is_cold else 0)


def count(market_id: int, kind: str, before: Stock, after: Stock) -> None:
    """Update the sums for a row that contributed `before` and now contributes `after`.

    To be called in the transaction that changed the row.
    """
    if before == after:
        return
    names = Stock._fields
    changes = {name: F(name) + new - old for name, old, new in zip(names, before, after, strict=True)}
    if not Inventory.objects.filter(market_id=market_id, kind=kind).update(**changes):
        Inventory.objects.create(market_id=market_id, kind=kind, **after._asdict())


def change_row(rows: SegmentQuerySet, **values: Any) -> Segment | None:
    """Change the one row among these, and the inventory with it; None if it is not there (any more)."""
    with transaction.atomic():
        row = rows.order_by().select_for_update(of=("self",)).first()
        if row is not None:
            before = stock_of(row)
            for name, value in values.items():
                setattr(row, name, value)
            row.save(update_fields=list(values))
            count(row.market_id, row.kind, before, stock_of(row))
        return row


def recount(market: Market, kind: str) -> None:
    """Compute the sums from every row. Whoever changes one meanwhile waits with its sums, and so is counted once."""
    kept = Q(pending=False, removed_at=None, missing=False)
    cold = kept & Q(cold=Cold.ONLY)
    with transaction.atomic():
        Inventory.objects.get_or_create(market=market, kind=kind)
        sums = Inventory.objects.select_for_update().get(market=market, kind=kind)
        found = Segment.objects.of(market, kind).aggregate(
            # Before `bytes`: what was summed up under this name cannot be summed up again.
            cold_bytes=Sum("bytes", filter=cold, default=0),
            cold_segments=Count("pk", cold),
            segments=Count("pk", kept),
            bytes=Sum("bytes", filter=kept, default=0),
            lines=Sum("lines", filter=kept, default=0),
            removed=Count("pk", Q(removed_at__isnull=False)),
        )
        Inventory.objects.filter(pk=sums.pk).update(**found)


#: How long rows found exact need no further check while their directory stays as it is: readers ask for each batch. No
#: longer, because a database may be restored from an older dump beside readers and an unchanged directory.
_TRUSTED_SECONDS = 1.0


class _Exact(NamedTuple):
    """A market whose rows were found exact, at which state of the directory, the segment opened last by then, and until
    when that is trusted."""

    symbol: str
    state: str
    opened: str
    until: float


_exact_at: dict[Path, _Exact] = {}


def is_exact(symbol: str, kind: str, directory: Path) -> bool:
    """Whether the rows on disk of a kind list exactly the segments in its directory.

    Raises OSError, django.db.Error.
    """
    state = state_of(directory)
    return bool(state) and _in_rows(symbol, kind)[0] == state


def is_exact_for_readers(symbol: str, kind: str, directory: Path) -> bool:
    """As `is_exact`, but the database is asked once a second at most while the directory does not change.

    Raises OSError, django.db.Error.
    """
    state, now = state_of(directory), time.monotonic()
    known = _exact_at.get(directory)
    if known is not None and now < known.until and (known.symbol, known.state) == (symbol, state):
        return True
    in_rows, opened = _in_rows(symbol, kind)
    if not state or in_rows != state:
        return False
    _exact_at[directory] = _Exact(symbol, state, opened, now + _TRUSTED_SECONDS)
    return True


def opened_last(directory: Path) -> str:
    """The segment of which a file was made last, when rows were found exact for readers; "" if none is known.

    Its row comes up to a second after its first lines are on the disk.
    """
    known = _exact_at.get(directory)
    return "" if known is None else known.opened


def _in_rows(symbol: str, kind: str) -> tuple[str | None, str]:
    known = Inventory.objects.filter(market__symbol=symbol, kind=kind).values_list("directory_state", "opened")
    return known.first() or (None, "")


class FileChange(NamedTuple):
    """A change of a kind's directory that the rows already reflect.

    `opened` is the segment whose file was created, "" if an empty file was removed, None if only a name changed.
    """

    kind: str
    change: DirectoryChange
    opened: str | None = None


def follow(market: Market, changes: Iterable[FileChange]) -> None:
    """Follow changes in their order. Raises django.db.Error.

    If another program changed the directory before one of them, it is unknown how far the rows are exact until they are
    compared again.
    """
    for kind, (before, after), opened in changes:
        if before:  # "" also stands for rows that are not known to be exact
            values = {"directory_state": after} | ({} if opened is None else {"opened": opened})
            Inventory.objects.filter(market=market, kind=kind, directory_state=before).update(**values)


@contextmanager
def followed(market: Market, kind: str, directory: Path) -> Iterator[None]:
    """Encloses changes of a kind's directory by its owner, after which segments and rows agree."""
    before = state_of(directory)
    yield
    follow(market, [FileChange(kind, (before, state_of(directory)))])


def compare(market: Market, kind: str, directory: Path) -> tuple[set[str], set[str]]:
    """Compare the rows on disk of a kind with the files in its directory.

    Returns the names of files without a row, and of rows without a file. If there are none, the rows are known to be
    exact from now on. Raises OSError, django.db.Error.
    """
    state = state_of(directory)
    files = {name.file for name in segment_files(directory.parent, kind)}
    rows = Segment.objects.of(market, kind).on_disk().values_list("name", "pending")
    told = {pending_name(name) if pending else name for name, pending in rows.iterator(chunk_size=10_000)}
    inventory, _ = Inventory.objects.get_or_create(market=market, kind=kind)
    files -= {pending_name(inventory.opened)} - told
    if files == told and state_of(directory) == state:
        Inventory.objects.filter(pk=inventory.pk).update(directory_state=state)
    return files - told, told - files
