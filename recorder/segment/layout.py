"""The store's layout: kinds, names of segments, directories of markets, and the facts known of a segment."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from recorder.errors import BadName, BadOrder

log = logging.getLogger(__name__)

KINDS = ("ticks", "frames", "metrics")
SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)

#: Every gap line begins with this. A line of JSON holds no raw newline, so counting these counts gap lines.
GAP_START = b'{"type":"gap",'
GAP_REASONS = ("slow", "expired", "lost", "damaged", "elsewhere")

#: How the name of every segment ends.
SUFFIX = ".jsonl.zst"
_PENDING = "_pending"
_NAME = re.compile(r"segment_([0-9]{8}_[0-9]{6})_(0|[1-9][0-9]{0,18})(_pending)?\.jsonl\.zst", re.ASCII)
_FORM = "segment_<YYYYMMDD_HHMMSS>_<t>[_pending].jsonl.zst"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_T = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SegmentName:
    """A segment's file name in parts; `opened_at` in whole Unix seconds, as the name holds no more."""

    opened_at: int
    start_t: int
    pending: bool = False

    @property
    def lasting(self) -> str:
        """The name without `_pending`, by which the segment is known from its first byte on."""
        opened = _EPOCH + timedelta(seconds=self.opened_at)
        return f"segment_{opened:%Y%m%d_%H%M%S}_{self.start_t}{SUFFIX}"

    @property
    def file(self) -> str:
        """The name of the file as it lies on disk now."""
        return pending_name(self.lasting) if self.pending else self.lasting


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """The facts of one segment.

    `name` is the final one. `start_t` and `end_t` are of the first and last message; with gap lines alone, start_t is
    the t after the gap and end_t = start_t - 1: no message. `lines` counts gap lines too. `bytes` is the size on disk,
    `text_bytes` that of the NDJSON. `opened_at` and `sealed_at` are Unix seconds. `seek_points` are (first t, byte
    offset) of each zstd frame, both rising. `sha256` is of the finished file, in hex; "" while pending.
    `directory_change` is the change of the directory when the file got its present name
    (`recorder.segment.listing.DirectoryChange`), if known.
    """

    kind: str
    name: str
    start_t: int
    end_t: int
    lines: int
    bytes: int
    text_bytes: int
    opened_at: float
    sealed_at: float | None
    pending: bool
    seek_points: tuple[tuple[int, int], ...]
    gaps: int
    sha256: str
    directory_change: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def file(self) -> str:
        """The name of the file as it lies on disk now."""
        return pending_name(self.name) if self.pending else self.name

    @property
    def created_at(self) -> datetime:
        """When it was sealed, or, while it is pending, when it was opened."""
        return datetime.fromtimestamp(self.opened_at if self.sealed_at is None else self.sealed_at, UTC)


def manifest_form(segment: Any) -> dict[str, Any]:
    """The form in which HTTP and manifest.json list a segment, given as its facts, its row or columns of that."""
    return {
        "path": f"{segment.kind}/{pending_name(segment.name) if segment.pending else segment.name}",
        "start_t": segment.start_t,
        "end_t": segment.end_t,
        "lines": segment.lines,
        "bytes": segment.bytes,
        "created_at": f"{segment.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "pending": segment.pending,
    }


def pending_name(lasting: str) -> str:
    """The file name of the segment called `lasting` while it is open."""
    return lasting.removesuffix(SUFFIX) + _PENDING + SUFFIX


def parse_name(file: str) -> SegmentName:
    """The parts of a segment's file name. Raises BadName for any other name, however similar."""
    match = _NAME.fullmatch(file)
    if match is None:
        raise BadName("a segment's name", file, _FORM)
    return _named(match)


def _named(match: re.Match[str]) -> SegmentName:
    start_t = int(match[2])
    if start_t > _LARGEST_T:
        raise BadName("a segment's name", match[0], _FORM)
    try:
        return SegmentName(_seconds_at(match[1]), start_t, match[3] is not None)
    except ValueError:
        raise BadName("a segment's name", match[0], "of a date and time that exist") from None


def _seconds_at(text: str) -> int:
    """Unix seconds of `YYYYMMDD_HHMMSS`. Raises ValueError."""
    hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(text)
    return _day_seconds(text[:8]) + 3600 * hour + 60 * minute + second


@lru_cache(maxsize=4096)
def _day_seconds(text: str) -> int:
    """Unix seconds at which a day begins; cached, because a directory holds hundreds of names of one day.

    Raises ValueError.
    """
    day = datetime(int(text[:4]), int(text[4:6]), int(text[6:]), tzinfo=UTC)
    return (day - _EPOCH) // timedelta(seconds=1)


def make_name(opened_at: float, start_t: int, *, pending: bool = False) -> SegmentName:
    """The name of a segment opened at `opened_at` Unix seconds, whose first message is `start_t`."""
    return SegmentName(int(opened_at // 1), start_t, pending)


def check_kind(kind: str) -> str:
    """`kind`, if it is one of KINDS. Raises BadName."""
    if kind not in KINDS:
        raise BadName("kind", kind, "one of " + ", ".join(KINDS))
    return kind


def check_symbol(symbol: str) -> str:
    """`symbol`, if it is a valid symbol of a market. Raises BadName."""
    if not isinstance(symbol, str) or not SYMBOL_PATTERN.fullmatch(symbol):
        raise BadName("symbol", symbol, "1 to 32 of A-Z a-z 0-9 . _ - and begin with a letter or digit")
    return symbol


def market_dir(root: Path, symbol: str, home_symbol: str) -> Path:
    """The directory of a market's files: the root for `home_symbol`, its own directory for any other."""
    return root if check_symbol(symbol) == home_symbol else root / symbol


def segment_files(directory: Path, kind: str) -> list[SegmentName]:
    """The segments of one kind on disk, by start_t, then opening; none without a directory.

    A file whose name only looks like a segment's is logged, once, and left out.
    """
    try:
        files = os.listdir(directory / check_kind(kind))
    except FileNotFoundError:
        return []
    names = _parsed(directory / kind, files)
    return sorted(names, key=lambda name: (name.start_t, name.opened_at, name.pending))


def _parsed(directory: Path, files: Iterable[str]) -> Iterator[SegmentName]:
    for file in files:
        if match := _NAME.fullmatch(file):
            try:
                yield _named(match)
            except BadName as error:
                _tell_stray(directory / file, str(error))


@lru_cache(maxsize=1024)
def _tell_stray(path: Path, why: str) -> None:
    """Logs a stray file once, because listings are made all the time."""
    log.warning("%s is no segment: %s", path, why)


def gap_line(kind: str, from_t: int, to_t: int, reason: str) -> bytes:
    """The line that announces the missing messages `from_t .. to_t`. Raises BadOrder, BadName."""
    if not 0 <= from_t <= to_t:
        raise BadOrder(f"a gap's from_t must be from 0 to its to_t, got {from_t} to {to_t}")
    if reason not in GAP_REASONS:
        raise BadName("a gap's reason", reason, "one of " + ", ".join(GAP_REASONS))
    return orjson.dumps({"type": "gap", "kind": check_kind(kind), "from_t": from_t, "to_t": to_t, "reason": reason})
