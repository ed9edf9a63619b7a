"""Rewriting: a damaged finished segment is written anew, with the lines in it that are proven."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

from recorder.cold.bucket import Bucket
from recorder.cold.copying import NotAsPut, prove
from recorder.errors import Misplaced
from recorder.manifest.inventory import change_row, followed
from recorder.manifest.row_writer import last_t_in_rows, pages, save_facts
from recorder.models import Cold, Market, Segment
from recorder.recovery.pending import read_facts
from recorder.segment.checked_lines import Damage, Line
from recorder.segment.examine import examine
from recorder.segment.listing import Found
from recorder.segment.repair import DAMAGED, in_frames, keep_aside, put_in_place
from recorder.segment.segment_file import sha256_of
from recorder.segment.segment_lines import Opened, lines_of, opened
from recorder.spans import Span
from recorder.tape.high_water_mark import raise_mark
from recorder.tape.reader import told
from recorder.tape.segment_finder import known
from runtime.db_threads import persistently

log = logging.getLogger(__name__)

_REASON = "damaged"

#: Files are read for minutes between two rows.
_ask = partial(persistently, what="the manifest")


@dataclass(frozen=True, slots=True)
class Mended:
    """A segment that was damaged: its present row, the reason, and the t that its gap lines announce as missing."""

    row: Segment
    why: str
    gaps: list[Span]


class _Damaged(NamedTuple):
    """A row, why its file does not match it, and the last t before it and in it that it may have listed."""

    row: Segment
    why: str
    begun_t: int
    end_t: int


def mend(market: Market, directory: Path, kind: str, bucket: Bucket | None = None) -> list[Mended]:
    """Repair every damaged segment of a kind, from another file that is the original, or else with gap lines.

    One that is whole in the bucket is left to that. It reads each segment whole, and keeps damaged originals aside. If
    it is killed at any point, another call completes it. Only for the process that owns the store, after
    `recorder.recovery.reconcile`. Raises OSError, django.db.Error.
    """
    damaged = list(_damaged(market, directory, kind))
    if not damaged:
        return []
    # Rows of lost segments no longer show how far the market came.
    if (last_t := _ask(lambda: last_t_in_rows(market, kind))) is not None:
        raise_mark(directory, last_t)
    with followed(market, kind, directory / kind):
        for one in damaged:
            with suppress(FileNotFoundError):  # a clean-up took it from the disk meanwhile
                keep_aside(directory / one.row.path)
        originals = _originals(directory / kind)
        mended = [
            _left_to_bucket(directory, one, bucket) or _mended(market, directory, one, originals.get(one.row.sha256))
            for one in damaged
        ]
    return [one for one in mended if one is not None]


def fault_of(row: Segment, directory: Path) -> str:
    """Why a finished segment's file does not contain all that its row lists; "" if it does, or is gone.

    Raises OSError.
    """
    with opened(directory / row.kind, Found(known(row).name)) as segment:
        parts = iter(()) if segment is None else _parts(segment, row)
        why = next((str(one.why) for one in parts if isinstance(one, Damage)), "")
    return "" if why and _holds_more(row, directory / row.path) else why


def _damaged(market: Market, directory: Path, kind: str) -> Iterator[_Damaged]:
    rows = pages(Segment.objects.of(market, kind).finished().order_by("start_t", "name"))
    end_t = -1
    for row, behind in pairwise(chain(rows, (None,))):
        assert row is not None
        if row.state == "finished" and (why := fault_of(row, directory) or _altered(row, directory)):
            begun_t, last_t = known(row).name.start_t - 1, row.end_t
            if row.gaps:  # lost gap lines may have announced losses around it
                begun_t, last_t = min(begun_t, end_t), last_t if behind is None else behind.start_t - 1
            yield _Damaged(row, why, begun_t, max(last_t, row.end_t))
        end_t = max(end_t, row.end_t)


def _holds_more(row: Segment, path: Path) -> bool:
    """Whether a file is whole and holds messages that its row has lost: a copy from before a repair."""
    facts, fault = read_facts(path, row.kind)
    if facts is None or fault or facts.lines - facts.gaps <= row.lines - row.gaps:
        return False
    others = Segment.objects.of(row.market, row.kind).exclude(pk=row.pk)
    behind = _ask(lambda: others.filter(start_t__gt=row.end_t).order_by("start_t").first())
    is_around = known(row).name.start_t <= facts.start_t <= row.start_t and row.end_t <= facts.end_t
    return is_around and (behind is None or facts.end_t < behind.start_t)


def _altered(row: Segment, directory: Path) -> str:
    """The fault of a file whose lines are all right: some bits of a header have no meaning."""
    path = directory / row.path
    is_other = row.sha256 and path.exists() and sha256_of(path) != row.sha256
    return f"its SHA-256 is not {row.sha256}" if is_other else ""


def _parts(segment: Opened, row: Segment) -> Iterator[Line | Damage]:
    """The lines of a segment, and a Damage where some are missing.

    This includes a whole frame that was removed, of which only the row's seek points show that it existed.
    """
    intact = segment.file is None or sha256_of(segment.path) == row.sha256
    points = [] if intact else [first_t for first_t, _ in row.seek_points]
    told_t = -1
    for one in lines_of(segment, row.kind, known(row), None):
        if isinstance(one, Line):
            at = bisect_right(points, told_t)
            if at < len(points) and points[at] < one.first_t:
                yield Damage(Misplaced(f"the frame that begins with t={points[at]} is not there"))
            told_t = max(told_t, one.last_t)
        yield one


def _originals(directory: Path) -> dict[str, Path]:
    """The files kept aside, by their SHA-256: of two files that were exchanged, each is the other's original."""
    return {sha256_of(path): path for path in sorted(directory.glob(f"*{DAMAGED}*")) if path.is_file()}


def _left_to_bucket(directory: Path, damaged: _Damaged, bucket: Bucket | None) -> Mended | None:
    """Have a segment read from the bucket, if its object is whole; its file was kept aside."""
    row = damaged.row
    if bucket is None or row.cold != Cold.COPIED:
        return None
    try:
        prove(bucket, row.cold_key, row.cold_bytes, row.cold_sha256)
    except NotAsPut as error:
        log.warning("%s", error)
        return None
    left = _ask(partial(change_row, Segment.objects.filter(pk=row.pk, cold=Cold.COPIED), cold=Cold.ONLY))
    if left is None:
        return None
    (directory / row.path).unlink(missing_ok=True)
    log.warning("%s was damaged, and is read from the cold store: %s", row.path, damaged.why)
    return Mended(left, damaged.why, [])


def _mended(market: Market, directory: Path, damaged: _Damaged, original: Path | None) -> Mended | None:
    """Write a segment anew; None if it is no longer to be on the disk."""
    row, path = damaged.row, directory / damaged.row.path
    if not _stays(row, has_original=original is not None):
        log.warning("%s was damaged, and a clean-up took it from the disk meanwhile: %s", path, damaged.why)
        return None
    if original is None:
        with opened(path.parent, Found(known(row).name)) as segment:
            lines = told(row.kind, _with_reasons(segment, row), damaged.begun_t, lambda _: damaged.end_t)
            put_in_place(path, in_frames(line.text for line in lines))
        facts, _ = read_facts(path, row.kind)
        assert facts is not None
        sealed = replace(facts, sealed_at=row.created_at.timestamp())
        row = _ask(lambda: save_facts(market, row.run, sealed))
    else:
        put_in_place(path, [original.read_bytes()])
    gaps = examine(path, row.kind).gaps
    log.warning("%s was damaged, and is written anew with %d gap lines: %s", path, len(gaps), damaged.why)
    return Mended(row, damaged.why, gaps)


def _stays(row: Segment, *, has_original: bool) -> bool:
    """Whether the row still says that its file is on the disk.

    One that is written anew of what is left is no longer what is in the bucket. The row says so first: else a clean-up
    could leave the segment to that object, and the next copy would take the object's place.
    """
    changes = {} if has_original else {"cold": Cold.NONE}
    rows = Segment.objects.on_disk().filter(pk=row.pk, sha256=row.sha256)
    return _ask(partial(change_row, rows, **changes)) is not None


def _with_reasons(segment: Opened | None, row: Segment) -> Iterator[Line | str]:
    """The lines that are left, and the reason where some are missing: of a file that is not plain, nothing is left."""
    if segment is None:
        yield _REASON
        return
    for one in _parts(segment, row):
        yield one if isinstance(one, Line) else _REASON
