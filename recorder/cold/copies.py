"""The copies of segments in the bucket that the settings name, as the manifest's rows tell of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings

from recorder.cold.block_cache import BlockCache
from recorder.cold.bucket import Credentials, open_bucket
from recorder.cold.cold_file import ColdFile, ColdReads
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
    sealed_at: float

    def open(self) -> BinaryIO:
        """The copy as a file; nothing is fetched before it is read. Reading raises Unavailable, FileNotFoundError."""
        reads = cold_reads()
        assert reads is not None
        return cast(BinaryIO, ColdFile(reads, self.key, self.sha256, self.size))


def copy_of(cold: int, key: str, sha256: str, size: int, points: SeekPoints, sealed_at: datetime) -> ColdCopy | None:
    """The copy that a row tells of by these columns; None if there is none, or no bucket is named."""
    if not cold or not is_named():
        return None
    return ColdCopy(key, sha256, size, points, sealed_at.timestamp())


def is_named() -> bool:
    """Whether the settings name a bucket."""
    return settings.CONFIG.cold_store is not None


def is_elsewhere(directory: Path) -> bool:
    """Whether the disk of a kind's directory is that of another machine: there is a bucket, and no such directory."""
    return is_named() and not directory.is_dir()


def cold_reads() -> ColdReads | None:
    """What reads the bucket, None if none is named: one for this process."""
    config = settings.CONFIG
    if config.cold_store is None:
        return None
    own = Credentials(
        config.aws_access_key_id, config.aws_secret_access_key, config.aws_session_token, config.aws_region
    )
    return _reads(config.cold_store, own, config.store_dir / CACHE_FOLDER, config.cold_cache_bytes, os.getpid())


@lru_cache(maxsize=8)
def _reads(url: str, credentials: Credentials, folder: Path, most_bytes: int, process: int) -> ColdReads:
    """One for each process: what a fork takes along of a bucket is of no use to it."""
    return ColdReads(open_bucket(url, credentials), BlockCache(folder, most_bytes), pools.away)
