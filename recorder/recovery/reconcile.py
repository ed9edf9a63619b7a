"""Reconciling: makes the manifest's rows and a market's files agree, when a pipeline starts."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.db.models import F

from recorder.cold.copies import is_named
from recorder.manifest import inventory
from recorder.manifest.inventory import FileChange
from recorder.manifest.row_writer import last_t_in_rows, save_facts
from recorder.models import Cold, Inventory, Market, Segment
from recorder.recovery.pending import Recovered, pending_files, read_facts, recover
from recorder.recovery.rewrite import fault_of
from recorder.recovery.run_registry import run_at
from recorder.segment.layout import KINDS, SegmentFacts, SegmentName, parse_name, pending_name, segment_files
from recorder.segment.listing import state_of
from recorder.segment.segment_file import sha256_of
from recorder.tape.high_water_mark import raise_mark
from runtime.db_threads import persistently

logger = logging.getLogger(__name__)

#: The length of a page of rows: files are read for minutes between two rows.
_ask = partial(persistently, what="the manifest")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done: pending files made whole, rows created or corrected from files, rows without a file.

    `unreadable` are files with a segment's name that hold no line; they have no row.
    """

    recovered: list[Recovered] = field(default_factory=list)
    adopted: list[Segment] = field(default_factory=list)
    missing: list[Segment] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)


def reconcile(market: Market, directory: Path, *, whole: bool = False) -> Reconciled:
    """Seals what a crash left pending and makes the rows agree with the files, which are authoritative.

    Files without rows get rows, rows without files are marked missing, rows that lag behind their file after a crash
    are corrected. In a kind whose rows are known to list every file (`recorder.manifest.inventory`) only pending ones
    are checked, unless `whole`. Only for the process that owns the store. Raises OSError, django.db.Error.
    """
    states = {} if whole else _ask(partial(_states_of_exact, market, directory))
    pending = {
        kind: _ask(partial(_pending_in_rows, market, directory, kind))
        if kind in states
        else pending_files(directory, kind)
        for kind in KINDS
    }
    if any(pending.values()):
        _remember_end(market, directory)
    done = Reconciled(recovered=recover(directory, pending))
    for recovered in done.recovered:
        if recovered.facts is not None:
            _ask(partial(_save, market, recovered.facts))
        elif recovered.set_aside is not None:
            _ask(partial(_empty, market, *recovered.set_aside))
    for kind in KINDS:
        if kind in states and _as_expected(pending[kind], directory / kind):
            change = FileChange(kind, (states[kind], state_of(directory / kind)), "")
            _ask(partial(inventory.follow, market, [change] if pending[kind] else []))
        else:
            _compare(market, directory / kind, kind, done)
    return done


def _states_of_exact(market: Market, directory: Path) -> dict[str, str]:
    """The states of the directories whose rows list exactly their files."""
    states = {kind: state_of(directory / kind) for kind in KINDS}
    return {kind: state for kind, state in states.items() if inventory.is_exact(market.symbol, kind, directory / kind)}


def _pending_in_rows(market: Market, directory: Path, kind: str) -> list[SegmentName]:
    """The pending files of a kind whose rows are exact; the last one may have none yet."""
    names = set(Segment.objects.of(market, kind).kept().filter(pending=True).values_list("name", flat=True))
    names |= set(Inventory.objects.filter(market=market, kind=kind).values_list("opened", flat=True))
    found = [parse_name(pending_name(name)) for name in names if name]
    return [name for name in sorted(found, key=lambda name: name.start_t) if (directory / kind / name.file).exists()]


def _as_expected(pending: list[SegmentName], directory: Path) -> bool:
    """Whether no pending file is left, or sealed under another name than its row's."""
    return all((directory / name.lasting).exists() or not (directory / name.file).exists() for name in pending)


def _remember_end(market: Market, directory: Path) -> None:
    """Raise the stream mark to the last t in the rows.

    Rows of pending files may list more than a power cut left in these, and are corrected afterwards.
    """
    ends = [t for kind in KINDS if (t := _ask(partial(last_t_in_rows, market, kind))) is not None]
    if ends:
        raise_mark(directory, max(ends))


def _empty(market: Market, kind: str, name: str) -> None:
    """Empty the row of a segment whose file kept no line: its messages may be made again elsewhere."""
    rows = Segment.objects.of(market, kind).filter(name=name, removed_at=None)
    nothing = {"lines": 0, "gaps": 0, "bytes": 0, "text_bytes": 0, "seek_points": [], "pending": False, "missing": True}
    inventory.change_row(rows, end_t=F("start_t") - 1, **nothing)


def _compare(market: Market, directory: Path, kind: str, done: Reconciled) -> None:
    """Compare every file of a kind with its row."""
    names = segment_files(directory.parent, kind)
    columns = ("name", "bytes", "removed_at", "pending", "missing", "cold")
    found = Segment.objects.of(market, kind).values_list(*columns)
    rows = _ask(lambda: {row[0]: _Row(*row) for row in found.iterator(chunk_size=10_000)})
    _adopt_files(market, directory, kind, names, rows, done)
    lasting = {name.lasting for name in names}
    _mark_missing(market, kind, [row.name for row in rows.values() if row.is_on_disk and row.name not in lasting], done)
    _ask(partial(inventory.recount, market, kind))
    without_row, _ = _ask(partial(inventory.compare, market, kind, directory))
    if without_row:  # a clean-up may have been interrupted before it removed the file
        _ask(lambda: Inventory.objects.filter(market=market, kind=kind).update(removing=True))


class _Row(NamedTuple):
    name: str
    bytes: int
    removed_at: datetime | None
    pending: bool
    missing: bool
    cold: int

    @property
    def is_on_disk(self) -> bool:
        return self.removed_at is None and not self.missing and self.cold != Cold.ONLY

    def agrees(self, path: Path) -> bool:
        """Whether the row is that of the finished file; a removed one is not compared with its file."""
        if self.removed_at is not None:
            return True
        return not self.pending and not self.missing and self.bytes == path.stat().st_size


def _adopt_files(
    market: Market, directory: Path, kind: str, names: list[SegmentName], rows: dict[str, _Row], done: Reconciled
) -> None:
    for name in names:
        with suppress(FileNotFoundError):  # a clean-up removed it since it was listed
            _adopt_file(market, directory, kind, name, rows.get(name.lasting), done)


def _adopt_file(
    market: Market, directory: Path, kind: str, name: SegmentName, row: _Row | None, done: Reconciled
) -> None:
    path = directory / name.file
    if row is not None and row.cold == Cold.ONLY:
        _take_back(market, kind, row.name, path)
        return
    if name.pending or (row is not None and row.agrees(path)):
        return
    if row is not None and not row.pending and _is_damaged(market, directory, kind, row.name):
        return
    facts, fault = read_facts(path, kind)
    if fault:
        logger.warning("%s is damaged: %s", path, fault)
    if facts is None:
        done.unreadable.append(path)
    else:
        done.adopted.append(_ask(partial(_save, market, facts)))
        logger.info("%s: row made from %s", market.symbol, path)


def _take_back(market: Market, kind: str, name: str, path: Path) -> None:
    """Note that a segment in the bucket alone is on the disk again, if the file is what its row lists."""
    rows = Segment.objects.of(market, kind).filter(name=name, cold=Cold.ONLY)
    if _ask(rows.get).sha256 == sha256_of(path):
        _ask(partial(inventory.change_row, rows, cold=Cold.COPIED))


def _is_damaged(market: Market, directory: Path, kind: str, name: str) -> bool:
    """Whether a finished segment is not what its row lists.

    The row then stays: readers derive from it what is missing.
    """
    rows = Segment.objects.of(market, kind).filter(name=name)
    why = fault_of(_ask(rows.get), directory.parent)
    if why:
        _ask(partial(inventory.change_row, rows, missing=False))
        logger.warning("%s is damaged: %s", directory / name, why)
    return bool(why)


def _mark_missing(market: Market, kind: str, names: list[str], done: Reconciled) -> None:
    for name in names:
        rows = Segment.objects.of(market, kind).on_disk().filter(name=name)
        copied = rows.filter(cold=Cold.COPIED)
        if is_named() and _ask(partial(inventory.change_row, copied, cold=Cold.ONLY)) is not None:
            logger.warning(
                "%s: %s/%s is gone from the disk, and is read from the cold store", market.symbol, kind, name
            )
            continue
        row = _ask(partial(inventory.change_row, rows, missing=True))
        if row is not None:
            done.missing.append(row)
            logger.warning("%s: the file of %s is missing", market.symbol, row.path)


def _save(market: Market, facts: SegmentFacts) -> Segment:
    return save_facts(market, run_at(market, facts.start_t), facts)
