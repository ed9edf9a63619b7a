"""The copies of segments in the bucket that the settings name, as the manifest's rows tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings

from recorder.cold.block_cache import BlockCache
from recorder.cold.bucket import Bucket
from recorder.cold.cold_file import ColdFile, ColdReads
from recorder.cold.configured import cold_bucket
from recorder.cold.layout import open_key
from recorder.segment.listing import SeekPoints
from runtime import pools

#: The folder of the block cache in the store. No market's directory has such a name.
CACHE_FOLDER = ".cold-blocks"

#: What a row tells of the copy of its segment, as `copy_of` takes it.
COLUMNS = ("cold", "cold_key", "cold_sha256", "cold_bytes", "cold_seek_points", "created_at")


@dataclass(frozen=True, slots=True)
class ColdCopy:
    """A finished segment as it is in the bucket (`recorder.segment.listing.Copy`)."""

    key: str
    sha256: str
    size: int
    points: SeekPoints
    changed_at: float
    finished: bool = True

    def open(self) -> BinaryIO | None:
        """The copy as a file; nothing is fetched before it is read. Reading raises Unavailable, FileNotFoundError."""
        reads = cold_reads()
        return None if reads is None else cast(BinaryIO, ColdFile(reads, self.key, self.sha256, self.size))


@dataclass(frozen=True, slots=True)
class OpenCopy:
    """A segment that is not in the bucket as a whole, as far as it had come when it was put there last."""

    key: str
    points: SeekPoints
    changed_at: float
    sha256: str = ""
    finished: bool = False

    def open(self) -> BinaryIO | None:
        """The copy as a file; None if it is not there. Raises Unavailable."""
        reads = cold_reads()
        return None if reads is None else cast("BinaryIO | None", reads.growing(self.key))


def copy_of(cold: int, key: str, sha256: str, size: int, points: SeekPoints, sealed_at: datetime) -> ColdCopy | None:
    """The copy that a row tells of by these columns; None if there is none, or no bucket is named."""
    if not cold or not is_named():
        return None
    return ColdCopy(key, sha256, size, points, sealed_at.timestamp())


def open_copy_of(symbol: str, store_id: str, kind: str, name: str, points: SeekPoints, since: datetime) -> OpenCopy:
    """The copy of a segment that is not finished, or waits for its whole copy; `name` is its final one."""
    return OpenCopy(open_key(symbol, store_id, kind, name), points, since.timestamp())


def has_open_copies() -> bool:
    """Whether what is being recorded is in the bucket too."""
    return is_named() and settings.CONFIG.cold_open_seconds > 0


def is_named() -> bool:
    """Whether the settings name a bucket."""
    return settings.CONFIG.cold_store is not None


def is_elsewhere(directory: Path) -> bool:
    """Whether the disk of a kind's directory is that of another machine: there is a bucket, and no such directory."""
    return is_named() and not directory.is_dir()


def cold_reads() -> ColdReads | None:
    """What reads the bucket, None if none is named: one for this process."""
    bucket, config = cold_bucket(), settings.CONFIG
    return None if bucket is None else _reads(bucket, config.store_dir / CACHE_FOLDER, config.cold_cache_bytes)


def content_in_bucket(key: str, most_bytes: int) -> bytes | None:
    """A small object; None if no bucket is named. Raises Unavailable, FileNotFoundError."""
    reads = cold_reads()
    return None if reads is None else reads.whole(key, most_bytes)


@lru_cache(maxsize=8)
def _reads(bucket: Bucket, folder: Path, most_bytes: int) -> ColdReads:
    return ColdReads(bucket, BlockCache(folder, most_bytes), pools.away)
