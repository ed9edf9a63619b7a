"""Reconciling: makes the manifest's rows and a market's files tell the same, when a pipeline starts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.db.models import F

from recorder import recovery
from recorder.format import KINDS, SegmentFacts, SegmentName, segment_files
from recorder.manifest import last_t_in_rows, save_facts
from recorder.models import Market, Run, Segment
from recorder.recovery import Recovered, read_facts, recover
from recorder.rows import persistently
from recorder.streamed import raise_mark

logger = logging.getLogger(__name__)

#: Files are read for minutes between two rows.
_ask = partial(persistently, what="the manifest")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What had to be done: pending files made whole, rows made or corrected from files, rows without a file.

    `unreadable` are files with a segment's name that hold no line; they have no row.
    """

    recovered: list[Recovered] = field(default_factory=list)
    adopted: list[Segment] = field(default_factory=list)
    missing: list[Segment] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)


def reconcile(market: Market, directory: Path) -> Reconciled:
    """Seals what a crash left pending and brings the rows in line with the files, which are right.

    Files without rows get rows, rows without files are marked missing, rows that a crash left behind their
    file are corrected. Only for the process that owns the store. Raises OSError, django.db.Error.
    """
    _remember_end(market, directory)
    done = Reconciled(recovered=recover(directory))
    for recovered in done.recovered:
        if recovered.facts is not None:
            _ask(partial(_save, market, recovered.facts))
        elif recovered.set_aside is not None:
            _ask(partial(_empty, market, *recovered.set_aside))
    for kind in KINDS:
        names = segment_files(directory, kind)
        _adopt_files(market, directory / kind, kind, names, done)
        _mark_missing(market, kind, {name.lasting for name in names}, done)
    return done


def last_t(market: Market, directory: Path, kind: str = "ticks") -> int | None:
    """The last t of a kind in files or rows, gaps included; None in a new store. The next one is above it.

    Rows know of segments that were removed since, files of what the database lost. Raises OSError.
    """
    known = [recovery.last_t(directory, kind), _ask(lambda: last_t_in_rows(market, kind))]
    return max((t for t in known if t is not None), default=None)


def _remember_end(market: Market, directory: Path) -> None:
    """Rows of pending files may tell of more than these kept through a power cut, and are corrected by them."""
    if any(name.pending for kind in KINDS for name in segment_files(directory, kind)):
        ends = [t for kind in KINDS if (t := _ask(partial(last_t_in_rows, market, kind))) is not None]
        if ends:
            raise_mark(directory, max(ends))


def _empty(market: Market, kind: str, name: str) -> None:
    """The row of a segment whose file kept no line tells of no message: what it told of may be made again elsewhere."""
    Segment.objects.of(market, kind).filter(name=name, removed_at=None).update(
        end_t=F("start_t") - 1, lines=0, gaps=0, bytes=0, text_bytes=0, seek_points=[], pending=False, missing=True
    )


def _adopt_files(market: Market, directory: Path, kind: str, names: list[SegmentName], done: Reconciled) -> None:
    rows = _ask(lambda: {row.name: row for row in Segment.objects.of(market, kind).defer("seek_points")})
    for name in names:
        path = directory / name.file
        row = rows.get(name.lasting)
        if name.pending or (row is not None and _agrees(row, path)):
            continue
        facts, fault = read_facts(path, kind)
        if fault:
            logger.warning("%s is damaged: %s", path, fault)
        if facts is None:
            done.unreadable.append(path)
        else:
            done.adopted.append(_ask(partial(_save, market, facts)))
            logger.info("%s: row made from %s", market.symbol, path)


def _agrees(row: Segment, path: Path) -> bool:
    """Whether the row is the finished file's; a removed one is no longer asked about its file."""
    if row.removed_at is not None:
        return True
    return not row.pending and not row.missing and row.bytes == path.stat().st_size


def _mark_missing(market: Market, kind: str, names: set[str], done: Reconciled) -> None:
    for row in _ask(lambda: list(Segment.objects.of(market, kind).on_disk())):
        if row.name not in names:
            row.missing = True
            _ask(partial(row.save, update_fields=["missing"]))
            done.missing.append(row)
            logger.warning("%s: the file of %s is missing", market.symbol, row.path)


def _save(market: Market, facts: SegmentFacts) -> Segment:
    return save_facts(market, _run_of(market, facts.start_t), facts)


def _run_of(market: Market, start_t: int) -> Run | None:
    """The run a segment belongs to that begins with `start_t`: the last one begun by then."""
    return market.runs.filter(first_t__lte=start_t).order_by("first_t", "id").last()
