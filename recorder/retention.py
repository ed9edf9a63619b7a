"""Retention: removes the segments chosen by a clean-up, so that rows and files agree even after an interruption."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from django.db.models import F, Q

from recorder.cold.bucket import Bucket, BucketUnavailable
from recorder.manifest.inventory import change_row, compare
from recorder.models import Cold, Inventory, Segment, SegmentQuerySet
from recorder.retention_policy import Candidate, DiskUse, RetentionSettings, Shelf, choose, is_full
from recorder.segment.layout import market_dir, segment_files
from recorder.segment.listing import state_of
from recorder.store.directory_lock import alone_in
from recorder.store.store_paths import markets_here
from runtime.db_threads import leaving_time_to_others, persistently

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long a clean-up waits for a database that is away before it leaves the rest to the next one.
_PATIENCE_SECONDS = 30.0


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


class Disk(NamedTuple):
    """A disk that holds segments: a directory on it, and what lies there."""

    directory: Path
    shelves: list[Shelf]


def disks(root: Path, home_symbol: str, *, copied_only: bool = False) -> list[Disk]:
    """The finished segments of all markets here by their disk, that of the root first; or those in the bucket too.

    The directory of a market or kind may be a mount or a link. What is not mounted is left out: to remove a file that
    is not there frees nothing, and the file may come back. Rows are read only as far as needed. Raises OSError,
    django.db.Error.
    """
    found = {_device(root): Disk(root, [])}
    stocked = Inventory.objects.filter(segments__gt=0, market__in=markets_here(root, home_symbol))
    known = stocked.values_list("market__symbol", "kind", F("segments") - F("cold_segments"))
    for symbol, kind, segments in known:
        directory = market_dir(root, symbol, home_symbol) / kind
        device = _device(directory)
        if device is not None:
            shelf = Shelf(segments, _candidates(symbol, kind, directory, copied_only))
            found.setdefault(device, Disk(directory, [])).shelves.append(shelf)
    return list(found.values())


def _device(directory: Path) -> int | None:
    """The file system of a directory, None if it is not there, or its disk does not answer."""
    try:
        return directory.stat().st_dev
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be looked at, and nothing is removed there: %s", directory, error)
        return None


def _candidates(symbol: str, kind: str, directory: Path, copied_only: bool) -> Iterator[Candidate]:
    rows = Segment.objects.of(symbol, kind).finished().on_disk()
    if copied_only:
        rows = rows.filter(cold=Cold.COPIED)
    for start_t, name, pk, created_at, size, pinned in rows.paged("pk", "created_at", "bytes", "pinned"):
        yield Candidate(pk, symbol, kind, name, start_t, created_at, size, pinned, (directory / name).exists())


def disk_use(root: Path) -> DiskUse:
    """The disk use of the file system that holds the store, or will hold it. Raises OSError."""
    while not root.exists() and root != root.parent:
        root = root.parent
    return DiskUse(*shutil.disk_usage(root))


def clean_up(
    root: Path, home_symbol: str, settings: RetentionSettings, now: datetime, bucket: Bucket | None = None
) -> CleanUp:
    """Remove the segments that may and must go from the store of all markets here. Raises OSError, django.db.Error.

    With a `bucket` only what is proven to be there goes, and only from the disk: it can still be read. If the bucket
    does not answer, the clean-up ends.

    A row is marked before its file is unlinked. Whatever happens in between, no client is promised a file that is not
    there, and the next clean-up unlinks it. The row of a file that is not there stays as it is: its disk may not be
    mounted, and `recorder.recovery.reconcile` tells of one that was lost. One clean-up runs at a time: another that
    starts meanwhile does nothing. A database that is away for a moment is waited for: the next clean-up after one that
    broke off compares each row with the files.
    """
    done = CleanUp()
    with alone_in(root) as alone:
        if alone:
            markets = markets_here(root, home_symbol)
            for inventory in Inventory.objects.filter(removing=True, market__in=markets).select_related("market"):
                _end_removals(inventory, inventory.market.directory(root, home_symbol), done)
            removals: dict[tuple[str, str], _Removal] = {}
            found = disks(root, home_symbol, copied_only=bucket is not None)
            try:
                for one in _chosen(found, settings, now):
                    key = (one.symbol, one.kind)
                    if key not in removals:
                        removals[key] = _Removal(*key, market_dir(root, one.symbol, home_symbol), bucket)
                    with leaving_time_to_others():
                        removals[key].remove(one, now, done)
            except BucketUnavailable as error:
                log.warning("clean-up: nothing more is removed now: %s", error)
            finally:
                for removal in removals.values():
                    removal.end()
            _tell(done, found, settings)
    return done


def _chosen(found: list[Disk], settings: RetentionSettings, now: datetime) -> Iterator[Candidate]:
    """The segments to remove, of one disk after the other."""
    for disk in found:
        yield from choose(disk.shelves, disk_use(disk.directory), settings, now)


def _asked(query: Callable[[], T], again: Callable[[], T] | None = None) -> T:
    """The result of a query, whose connection stays for the next one. Raises django.db.Error."""
    return persistently(query, "clean-up", again=again, seconds=_PATIENCE_SECONDS, keep_open=True)


def _end_removals(inventory: Inventory, directory: Path, done: CleanUp) -> None:
    """Unlink files whose rows are marked as removed, after a clean-up that was interrupted between the two."""
    market, kind = inventory.market, inventory.kind
    if not (directory / kind).is_dir():
        return  # they may come back with their disk
    files = {name.lasting for name in segment_files(directory, kind) if not name.pending}
    rows = Segment.objects.of(market, kind)
    promised = set(rows.on_disk().values_list("name", flat=True))
    left = 0
    for name in sorted(files - promised):  # next to none
        marked = rows.filter(_MARKED, name=name, pinned=False).exists()
        if marked and _unlink(directory / kind / name):
            done.ended.append(f"{market.symbol}: {kind}/{name}")
        elif marked:
            left += 1
    if not left:
        Inventory.objects.filter(pk=inventory.pk).update(removing=False)
        compare(market, kind, directory / kind)


#: Rows whose file is to be unlinked.
_MARKED = Q(removed_at__isnull=False) | Q(cold=Cold.ONLY)


class _Removal:
    """Removes some segments of one market and kind, and updates the inventory."""

    def __init__(self, symbol: str, kind: str, directory: Path, bucket: Bucket | None) -> None:
        self._directory, self._bucket = directory / kind, bucket
        self._inventory = Inventory.objects.filter(market__symbol=symbol, kind=kind)
        _asked(partial(self._inventory.update, removing=True))
        self._before = self._after = state_of(self._directory)
        self._left = self._disturbed = False

    def remove(self, one: Candidate, now: datetime, done: CleanUp) -> None:
        """Remove a segment, unless it was pinned or removed since it was chosen. Raises BucketUnavailable."""
        try:
            self._remove(one, now, done)
        except BucketUnavailable:
            raise
        except BaseException:  # Ctrl-C too
            self._left = True  # it may be marked, and its file there
            raise

    def _remove(self, one: Candidate, now: datetime, done: CleanUp) -> None:
        if not self._mark(one, now):
            return
        self._disturbed = self._disturbed or state_of(self._directory) != self._after
        if _unlink(self._directory / one.name):
            done.removed.append(f"{one.symbol}: {one.kind}/{one.name}")
            done.freed_bytes += one.bytes
        else:
            self._left = True  # its row is marked: the next clean-up tries again
        self._after = state_of(self._directory)

    def _mark(self, one: Candidate, now: datetime) -> bool:
        """Have the row say that the file is not on the disk. Raises BucketUnavailable."""
        rows = Segment.objects.filter(pk=one.pk, pinned=False, removed_at=None)
        if self._bucket is None:
            return _changed(one.pk, rows, removed_at=now)
        row = _asked(rows.filter(cold=Cold.COPIED).first)
        if row is None:
            return False
        same = rows.filter(cold=Cold.COPIED, cold_key=row.cold_key, cold_sha256=row.cold_sha256)
        found = self._bucket.head(row.cold_key)
        if found is not None and found.size == row.cold_bytes:
            return _changed(one.pk, same, cold=Cold.ONLY)
        log.error("%s is not in the cold store as it was put there: it stays, and is copied again", row.cold_key)
        _changed(one.pk, same, cold=Cold.NONE)
        return False

    def end(self) -> None:
        """Nothing more is removed now."""
        if not self._left:
            _asked(self._settle)

    def _settle(self) -> None:
        self._inventory.update(removing=False)
        if not self._disturbed:
            self._inventory.filter(directory_state=self._before).update(directory_state=self._after)


def _changed(pk: int, rows: SegmentQuerySet, **values: Any) -> bool:
    """Change the row `pk` if it is one of these; whether that was done, also where its answer was lost."""

    def change() -> bool:
        return change_row(rows, **values) is not None

    return _asked(change, lambda: change() or Segment.objects.filter(pk=pk, **values).exists())


def _unlink(path: Path) -> bool:
    """Whether a file was removed; one that is not there any more may come back with its disk."""
    try:
        path.unlink()
    except OSError as error:
        log.error("%s cannot be removed: %s", path, error)
        return False
    return True


def _tell(done: CleanUp, found: list[Disk], settings: RetentionSettings) -> None:
    for name in done.ended:
        log.warning("clean-up: an interrupted removal was ended, %s", name)
    if done.removed:
        log.info("clean-up: %d segments removed from the disk, %d bytes", len(done.removed), done.freed_bytes)
    for disk in found:
        use = disk_use(disk.directory)
        if is_full(use, settings):
            full = "clean-up: %s is %.1f %% full, and no more segments may be removed"
            log.warning(full, disk.directory, use.percent)
