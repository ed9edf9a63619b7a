"""Retention: removes the segments that a clean-up chose, so that rows and files agree whatever comes between."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from recorder.choice import Candidate, DiskUse, RetentionSettings, choose, is_full
from recorder.format import KINDS, segment_files
from recorder.models import Market, Segment

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CleanUp:
    """What a clean-up did: the segments it removed, and those that an interrupted one had left half removed."""

    removed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    freed_bytes: int = 0


def retention_settings(config: Any) -> RetentionSettings:
    """Those among all settings that a clean-up goes by."""
    names = RetentionSettings.__dataclass_fields__
    return RetentionSettings(**{name: getattr(config, f"retain_{name}") for name in names})


def candidates() -> list[Candidate]:
    """The finished segments of all markets whose file is there."""
    columns = ("pk", "market__symbol", "kind", "name", "start_t", "created_at", "bytes", "pinned")
    return [Candidate(*values) for values in Segment.objects.finished().on_disk().values_list(*columns)]


def disk_use(root: Path) -> DiskUse:
    """Of the file system that holds the store, or would hold it where it is not there. Raises OSError."""
    while not root.exists() and root != root.parent:
        root = root.parent
    return DiskUse(*shutil.disk_usage(root))


def clean_up(root: Path, home_symbol: str, settings: RetentionSettings, now: datetime) -> CleanUp:
    """Remove what may and must go from the store of all markets. Raises OSError, django.db.Error.

    A row is marked before its file is unlinked: whatever happens in between, nobody is promised a file that is not
    there, and the next clean-up unlinks it. One at a time: another that comes meanwhile does nothing.
    """
    done = CleanUp()
    with _alone(root) as alone:
        if alone:
            directories = {market: market.directory(root, home_symbol) for market in Market.objects.all()}
            for market, directory in directories.items():
                _end_removals(market, directory, done)
            places = {market.symbol: directory for market, directory in directories.items()}
            for one in choose(candidates(), disk_use(root), settings, now):
                _remove(one, places[one.symbol], now, done)
            _tell(done, root, settings)
    return done


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Whether no other clean-up of this store runs; a store that is not there needs none.

    The lock is on the directory itself: a file would need room on a disk that has none.
    """
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _locks(handle)
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_removals(market: Market, directory: Path, done: CleanUp) -> None:
    """Unlink files whose rows are marked as removed: a clean-up was broken off between the two."""
    for kind in KINDS:
        files = {name.lasting for name in segment_files(directory, kind) if not name.pending}
        rows = Segment.objects.of(market, kind)
        promised = set(rows.on_disk().values_list("name", flat=True))
        for name in sorted(files - promised):  # next to none
            marked = rows.filter(name=name, pinned=False).exclude(removed_at=None).exists()
            if marked and _unlink(directory / kind / name):
                done.ended.append(f"{market.symbol}: {kind}/{name}")


def _remove(one: Candidate, directory: Path, now: datetime, done: CleanUp) -> None:
    # Asked of the database once more: it may have been pinned or removed since it was chosen.
    marked = Segment.objects.filter(pk=one.pk, pinned=False, removed_at=None).update(removed_at=now)
    if marked and _unlink(directory / one.kind / one.name):
        done.removed.append(f"{one.symbol}: {one.kind}/{one.name}")
        done.freed_bytes += one.bytes


def _unlink(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s cannot be removed: %s", path, error)  # its row is marked: the next clean-up tries again
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
