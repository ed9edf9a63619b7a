"""The retention policy: which segments a clean-up removes, and which it never does."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """When a clean-up begins, how far it goes, and what it never removes: IG_RETAIN_*."""

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
        """The used part as `df` counts it: of the space this process may use.

        With a share reserved for root it could not reach 100 otherwise.
        """
        usable = self.used + self.free
        return 100 * self.used / usable if usable else 0.0


class Candidate(NamedTuple):
    """A finished segment whose file is to be on the disk; `created_at` is when it was sealed."""

    pk: int
    symbol: str
    kind: str
    name: str
    start_t: int
    created_at: datetime
    bytes: int
    pinned: bool
    is_there: bool = True


class Shelf(NamedTuple):
    """The finished segments of one market and kind: how many there are, and each in market order."""

    segments: int
    oldest_first: Iterable[Candidate]


def choose(shelves: Iterable[Shelf], disk: DiskUse, settings: RetentionSettings, now: datetime) -> Iterator[Candidate]:
    """The segments to remove, the oldest of all markets and kinds first, those of each in market order.

    Segments older than `max_days` go. Once the disk is `disk_percent` full, as many more go as bring it down to
    `target_percent`. `min_segments` of each market and kind stay (pinned ones count), and so does every segment that is
    pinned or younger than `min_days`. One that is not there frees nothing, and is none of those that stay. It requests
    no more candidates than it needs.
    """
    excess = excess_bytes(disk, settings)
    if excess <= 0 and not settings.max_days:
        return
    merged = heapq.merge(*(_aged(shelf, now) for shelf in shelves), key=_Aged.order)
    gone = Counter[tuple[str, str]]()
    for one, sealed_at, segments in merged:
        wanted = excess > 0 or is_too_old(sealed_at, settings, now)
        if not wanted or now - sealed_at < timedelta(days=settings.min_days):
            return  # and so are all that follow
        shelf = (one.symbol, one.kind)
        if not one.is_there:
            gone[shelf] += 1
        elif not one.pinned and segments - gone[shelf] > settings.min_segments:
            gone[shelf] += 1
            excess -= one.bytes
            yield one


class _Aged(NamedTuple):
    one: Candidate
    sealed_at: datetime
    segments: int

    def order(self) -> tuple[datetime, int, str, str]:
        return self.sealed_at, self.one.start_t, self.one.symbol, self.one.kind


def _aged(shelf: Shelf, now: datetime) -> Iterator[_Aged]:
    """Segments in order, none with a time of sealing before that of an earlier one.

    One that was sealed in the future, by a clock that was ahead, counts as sealed with the next: else no segment behind
    it would ever be old.
    """
    sealed_at, ahead = None, list[Candidate]()
    for one in shelf.oldest_first:
        ahead.append(one)
        if one.created_at <= now:
            sealed_at = one.created_at if sealed_at is None else max(sealed_at, one.created_at)
            yield from (_Aged(known, sealed_at, shelf.segments) for known in ahead)
            ahead.clear()
    yield from (_Aged(unknown, now, shelf.segments) for unknown in ahead)


def is_full(disk: DiskUse, settings: RetentionSettings) -> bool:
    """Whether the disk alone makes a clean-up necessary."""
    return disk.percent >= settings.disk_percent


def is_too_old(created_at: datetime, settings: RetentionSettings, now: datetime) -> bool:
    """Whether age alone makes a clean-up necessary."""
    return settings.max_days > 0 and now - created_at > timedelta(days=settings.max_days)


def excess_bytes(disk: DiskUse, settings: RetentionSettings) -> int:
    """How many bytes have to be removed because of the disk."""
    if not is_full(disk, settings):
        return 0
    return disk.used - round(settings.target_percent / 100 * (disk.used + disk.free))
