"""Pending files that a crash left behind: seals them, and reads facts back from files alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recorder.errors import StoreError
from recorder.segment.layout import KINDS, SegmentFacts, SegmentName, parse_name, segment_files
from recorder.segment.repair import repair, unused
from recorder.segment.scan import SegmentScan, survey
from recorder.segment.segment_file import sha256_of, sync_directory

logger = logging.getLogger(__name__)

_UNREADABLE = ".unreadable"


@dataclass(frozen=True, slots=True)
class Recovered:
    """The outcome for one pending file.

    `path` is its present place. `facts` are of the sealed segment; None if there is none, because the file held no
    whole line (it was set aside, not deleted) or could not be repaired now (it is still pending). `lost_bytes` counts
    bytes that did not decode and text that was no whole line; `reason` says why, "" if the file was whole. `kept_lines`
    does not count gap lines added for losses.
    """

    path: Path
    facts: SegmentFacts | None
    kept_lines: int
    lost_bytes: int
    reason: str

    @property
    def set_aside(self) -> tuple[str, str] | None:
        """Kind and final name of a file that is no segment, because it held no whole line."""
        lasting, found, _ = self.path.name.partition(_UNREADABLE)
        return (self.path.parent.name, lasting) if found else None


def pending_files(directory: Path, kind: str) -> list[SegmentName]:
    """The pending files of a kind, found by a listing. Raises OSError."""
    return [name for name in segment_files(directory, kind) if name.pending]


def recover(directory: Path, pending: Mapping[str, Sequence[SegmentName]] | None = None) -> list[Recovered]:
    """Seals every pending file of a market's directory at its last whole line; kind by kind, oldest first.

    `pending` are those of each kind, if known. Only for the process that owns the store: the file of a running writer
    is pending too. Nothing is deleted, and a crash at any point loses no line. The outcome for every file is logged.
    Raises OSError if a directory cannot be read.
    """
    if pending is None:
        pending = {kind: pending_files(directory, kind) for kind in KINDS}
    recovered = [recover_file(directory / kind, kind, name) for kind, names in pending.items() for name in names]
    for one in recovered:
        _log(one)
    return recovered


def read_facts(path: Path, kind: str) -> tuple[SegmentFacts | None, str]:
    """The facts of a finished segment, read from its file, None without a whole line; and its faults.

    `sealed_at` is when the file was last written. Raises OSError.
    """
    found = survey(path, kind)
    if not found.lines:
        return None, found.fault
    return _facts(kind, parse_name(path.name), found, sha256_of(path)), found.fault


def recover_file(directory: Path, kind: str, name: SegmentName) -> Recovered:
    """Seals one pending file in the directory of its kind; `recover` does this for each."""
    path = directory / name.file
    try:
        found = survey(path, kind)
        lost_bytes = sum(loss.lost_bytes for loss in found.losses)
        if not found.lines:
            return Recovered(_set_aside(path, name), None, 0, lost_bytes, found.fault)
        repair(path, found)
        sealed = _seal(path, name)
        facts, _ = read_facts(sealed, kind)
    except OSError as error:
        return Recovered(path, None, 0, 0, str(StoreError(path, error)))
    if facts is not None:
        facts = replace(facts, sealed_at=found.modified_at)
    return Recovered(sealed, facts, found.lines, lost_bytes, found.fault)


def _set_aside(path: Path, name: SegmentName) -> Path:
    """Gives a file without a whole line a name that no segment has."""
    aside = unused(path.with_name(name.lasting + _UNREADABLE))
    os.rename(path, aside)
    sync_directory(path.parent)
    return aside


def _seal(path: Path, name: SegmentName) -> Path:
    """fsync, rename, fsync directory; never over another segment that may be there."""
    while path.with_name(name.lasting).exists():
        name = replace(name, opened_at=name.opened_at + 1)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sealed = path.with_name(name.lasting)
    os.rename(path, sealed)
    sync_directory(path.parent)
    return sealed


def _facts(kind: str, name: SegmentName, found: SegmentScan, sha256: str) -> SegmentFacts:
    starts = [p.lines.start_t for p in found.pieces if p.lines.start_t is not None]
    ends = [p.lines.end_t for p in found.pieces if p.lines.end_t is not None]
    start_t = starts[0] if starts else name.start_t
    return SegmentFacts(
        kind=kind,
        name=name.lasting,
        start_t=start_t,
        end_t=ends[-1] if ends else start_t - 1,
        lines=found.lines,
        bytes=found.size_bytes,
        text_bytes=sum(p.lines.text_bytes for p in found.pieces if p.start < p.end),
        opened_at=float(name.opened_at),
        sealed_at=found.modified_at,
        pending=False,
        seek_points=tuple(_seek_points(found)),
        gaps=sum(p.lines.gaps for p in found.pieces if p.start < p.end),
        sha256=sha256,
    )


def _seek_points(found: SegmentScan) -> list[tuple[int, int]]:
    """The first t and the offset of each frame that begins with a line, with t rising as the writer's do."""
    points: list[tuple[int, int]] = []
    end_t = -1
    for piece in found.pieces:
        if piece.text is None and piece.lines.first_t is not None:
            points.append((max(piece.lines.first_t, end_t + 1), piece.start))
        if piece.lines.end_t is not None:
            end_t = piece.lines.end_t
    return points


def _log(one: Recovered) -> None:
    if one.facts is None:
        logger.error("recovery: %s holds no segment now: %s", one.path, one.reason)
    elif one.lost_bytes:
        lost = "%s kept %d lines up to t=%d, lost %d bytes: %s"
        logger.warning(f"recovery: {lost}", one.path, one.kept_lines, one.facts.end_t, one.lost_bytes, one.reason)
    else:
        logger.info("recovery: %s sealed with all its %d lines", one.path, one.kept_lines)
