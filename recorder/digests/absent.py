"""Absent digests: rows say that they were made, and the store, an older copy for instance, has no file of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from recorder.digests.digest import KINDS
from recorder.digests.digest_files import DIRECTORY, digest_path
from recorder.models import Market, Segment
from runtime.db_threads import persistently

#: Rows changed by one statement; SQLite takes no more than 999 values in some builds.
_AT_ONCE = 500


def miss_absent(market: Market, directory: Path) -> int:
    """Note which digests have no file, so that they are made again; returns how many.

    It opens none, so that a start has time for it: `recorder.digests.making.miss_lost` looks into each. Raises OSError,
    django.db.Error.
    """
    return sum(persistently(partial(_miss, market, directory, kind), "digests") for kind in KINDS)


def _miss(market: Market, directory: Path, kind: str) -> int:
    place = directory / DIRECTORY / kind
    there = {path.name for path in place.iterdir()} if place.is_dir() else set[str]()
    rows = Segment.objects.of(market, kind).kept().filter(digest__gt=0).values_list("pk", "name")
    absent = [key for key, name in rows.iterator() if digest_path(directory, kind, name).name not in there]
    for first in range(0, len(absent), _AT_ONCE):
        Segment.objects.filter(pk__in=absent[first : first + _AT_ONCE]).update(digest=0)
    return len(absent)
