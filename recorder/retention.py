"""Retention: removes the segments chosen by a clean-up, so that rows and files agree even after an interruption."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from recorder.manifest.inventory import change_row, compare
from recorder.models import Inventory, Segment
from recorder.retention_policy import Candidate, DiskUse, RetentionSettings, Shelf, choose, is_full
from recorder.segment.layout import market_dir, segment_files
from recorder.segment.listing import state_of
from recorder.store.directory_lock import alone_in

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CleanUp:
    """The result of a clean-up: the segments it removed, and those that an interrupted one had left half removed."""

    removed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    freed_bytes: int = 0


def retention_settings(config: Any) -> RetentionSettings:
    """The settings that control a clean-up."""
    names = RetentionSettings.__dataclass_fields__
    return RetentionSettings(**{name: getattr(config, f"retain_{name}") for name in names})


def shelves() -> list[Shelf]:
    """The finished segments of all markets whose file is there; rows are read only as far as needed."""
    known = Inventory.objects.filter(segments__gt=0).values_list("market__symbol", "kind", "segments")
    return [Shelf(segments, _candidates(symbol, kind)) for symbol, kind, segments in known]


def _candidates(symbol: str, kind: str) -> Iterator[Candidate]:
    rows = Segment.objects.of(symbol, kind).finished().on_disk()
    for start_t, name, pk, created_at, size, pinned in rows.paged("pk", "created_at", "bytes", "pinned"):
        yield Candidate(pk, symbol, kind, name, start_t, created_at, size, pinned)


def disk_use(root: Path) -> DiskUse:
    """The disk use of the file system that holds the store, or will hold it. Raises OSError."""
    while not root.exists() and root != root.parent:
        root = root.parent
    return DiskUse(*shutil.disk_usage(root))


def clean_up(root: Path, home_symbol: str, settings: RetentionSettings, now: datetime) -> CleanUp:
    """Remove the segments that may and must go from the store of all markets. Raises OSError, django.db.Error.

    A row is marked before its file is unlinked. Whatever happens in between, no client is promised a file that is not
    there, and the next clean-up unlinks it. One clean-up runs at a time: another that starts meanwhile does nothing.
    """
    done = CleanUp()
    with alone_in(root) as alone:
        if alone:
            for inventory in Inventory.objects.filter(removing=True).select_related("market"):
                _end_removals(inventory, inventory.market.directory(root, home_symbol), done)
            removals: dict[tuple[str, str], _Removal] = {}
            for one in choose(shelves(), disk_use(root), settings, now):
                key = (one.symbol, one.kind)
                if key not in removals:
                    removals[key] = _Removal(*key, market_dir(root, one.symbol, home_symbol))
                removals[key].remove(one, now, done)
            for removal in removals.values():
                removal.end()
            _tell(done, root, settings)
    return done


def _end_removals(inventory: Inventory, directory: Path, done: CleanUp) -> None:
    """Unlink files whose rows are marked as removed, after a clean-up that was interrupted between the two."""
    market, kind = inventory.market, inventory.kind
    files = {name.lasting for name in segment_files(directory, kind) if not name.pending}
    rows = Segment.objects.of(market, kind)
    promised = set(rows.on_disk().values_list("name", flat=True))
    left = 0
    for name in sorted(files - promised):  # next to none
        marked = rows.filter(name=name, pinned=False, removed_at__isnull=False).exists()
        if marked and _unlink(directory / kind / name):
            done.ended.append(f"{market.symbol}: {kind}/{name}")
        elif marked:
            left += 1
    if not left:
        Inventory.objects.filter(pk=inventory.pk).update(removing=False)
        compare(market, kind, directory / kind)


class _Removal:
    """Removes some segments of one market and kind, and updates the inventory."""

    def __init__(self, symbol: str, kind: str, directory: Path) -> None:
        self._directory = directory / kind
        self._inventory = Inventory.objects.filter(market__symbol=symbol, kind=kind)
        self._inventory.update(removing=True)
        self._before = self._after = state_of(self._directory)
        self._left = self._disturbed = False

    def remove(self, one: Candidate, now: datetime, done: CleanUp) -> None:
        """Remove a segment, unless it was pinned or removed since it was chosen."""
        if change_row(Segment.objects.filter(pk=one.pk, pinned=False, removed_at=None), removed_at=now) is None:
            return
        self._disturbed = self._disturbed or state_of(self._directory) != self._after
        if _unlink(self._directory / one.name):
            done.removed.append(f"{one.symbol}: {one.kind}/{one.name}")
            done.freed_bytes += one.bytes
        else:
            self._left = True  # its row is marked: the next clean-up tries again
        self._after = state_of(self._directory)

    def end(self) -> None:
        """Nothing more is removed now."""
        if not self._left:
            self._inventory.update(removing=False)
            if not self._disturbed:
                self._inventory.filter(directory_state=self._before).update(directory_state=self._after)


def _unlink(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s cannot be removed: %s", path, error)
        return False
    return True


def _tell(done: CleanUp, root: Path, settings: RetentionSettings) -> None:
    for name in done.ended:
        log.warning("clean-up: an interrupted removal was ended, %s", name)
    if done.removed:
        log.info("clean-up: %d segments removed, %d bytes", len(done.removed), done.freed_bytes)
    disk = disk_use(root)
    if is_full(disk, settings):
        log.warning("clean-up: %s is %.1f %% full, and no more segments may be removed", root, disk.percent)
