"""The small files of a market in the bucket: each is put there when it changed, not with each segment.

The names of agents and the runs grow with a recording's age, and segments are sealed every few minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from recorder.cold.address import Address
from recorder.cold.bucket import Bucket, Stat
from recorder.cold.layout import COMPANIONS, home

#: More than a process copies of all its markets. Those that were looked at longest ago are forgotten.
_MOST_REMEMBERED = 1024


class _Put(NamedTuple):
    """A file as it was when it was put, and what the bucket told of the object then."""

    file: tuple[int, int, int]
    object: Stat | None


#: Of each object that this process put. Another process that copies the same market remembers for itself.
_put: dict[tuple[Address, str], _Put] = {}


def put_companions(bucket: Bucket, symbol: str, store_id: str, directory: Path) -> None:
    """Bring the small files of a market up to date. Raises BucketUnavailable, OSError.

    The bucket is asked for each: an object that is gone, or was written by somebody else, is put again.
    """
    for name in COMPANIONS:
        path = directory / name
        if path.is_file():
            _put_changed(bucket, f"{home(symbol, store_id)}/{name}", path)


def _put_changed(bucket: Bucket, key: str, path: Path) -> None:
    place = (bucket.address, key)
    known, file = _put.pop(place, None), _state_of(path)
    if known is None or known.file != file or known.object is None or known.object != bucket.head(key):
        bucket.put(key, path)
        known = _Put(file, bucket.head(key))  # the file as it was before: what was added meanwhile is put next time
    _put[place] = known
    while len(_put) > _MOST_REMEMBERED:
        _put.pop(next(iter(_put)), None)


def _state_of(path: Path) -> tuple[int, int, int]:
    """What another content of a file changes."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
