"""The choice of a clean-up: which segments go when the disk fills up or they grow old, and which never do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """When a clean-up begins, how far it goes, and what it never touches: IG_RETAIN_*."""

    disk_percent: float = 80
    target_percent: float = 70
    min_segments: int = 10
    min_days: float = 1
    max_days: float = 0


class DiskUse(NamedTuple):
    """Bytes of a file system, as `shutil.disk_usage` gives them."""

    total: int
    used: int
    free: int

    @property
    def percent(self) -> float:
        """As `df` counts: of what this process may use. A share kept for root would never let it reach 100."""
        usable = self.used + self.free
        return 100 * self.used / usable if usable else 0.0


class Candidate(NamedTuple):
    """A finished segment whose file is there; `created_at` is when it was sealed."""

    pk: int
    symbol: str
    kind: str
    name: str
    start_t: int
    created_at: datetime
    bytes: int
    pinned: bool


def choose(segments: Iterable[Candidate], disk: DiskUse, settings: RetentionSettings, now: datetime) -> list[Candidate]:
    """The segments to remove, the oldest of all markets and kinds first.

    Those older than `max_days` go, and, once the disk is `disk_percent` full, as many more as bring it down to
    `target_percent`. `min_segments` of each market and kind stay (pinned ones are counted), and so does every one
    that is pinned or younger than `min_days`.
    """
    found = sorted(segments, key=lambda one: (one.created_at, one.start_t, one.symbol, one.kind))
    left = Counter((one.symbol, one.kind) for one in found)
    excess = excess_bytes(disk, settings)
    chosen = []
    for one in found:
        wanted = excess > 0 or is_too_old(one.created_at, settings, now)
        kept = one.pinned or now - one.created_at < timedelta(days=settings.min_days)
        if wanted and not kept and left[one.symbol, one.kind] > settings.min_segments:
            left[one.symbol, one.kind] -= 1
            excess -= one.bytes
            chosen.append(one)
    return chosen


def is_full(disk: DiskUse, settings: RetentionSettings) -> bool:
    """Whether the disk alone makes a clean-up due."""
    return disk.percent >= settings.disk_percent


def is_too_old(created_at: datetime, settings: RetentionSettings, now: datetime) -> bool:
    """Whether age alone makes a clean-up due."""
    return settings.max_days > 0 and now - created_at > timedelta(days=settings.max_days)


def excess_bytes(disk: DiskUse, settings: RetentionSettings) -> int:
    """How much has to go for the sake of the disk."""
    if not is_full(disk, settings):
        return 0
    return disk.used - round(settings.target_percent / 100 * (disk.used + disk.free))
