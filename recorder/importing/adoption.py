"""Adoption: imports the segments of a store from elsewhere into a market, all of them or none."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from market.timestamps import DAY_SECONDS
from recorder.errors import RecorderError, StoreError
from recorder.importing.foreign_agents import new_agents, take_agents
from recorder.importing.foreign_runs import ForeignRuns
from recorder.importing.foreign_store import ForeignSegment, look_into
from recorder.importing.foreign_times import time_faults
from recorder.importing.segments_equal import is_held
from recorder.manifest.inventory import change_row
from recorder.manifest.row_writer import pages, save_facts, spans_kept
from recorder.models import Cold, Market, Run, Segment
from recorder.recovery.pending import read_facts, recover_file
from recorder.recovery.run_file import keep_runs, restore_runs
from recorder.segment.examine import examine
from recorder.segment.layout import KINDS, SegmentFacts
from recorder.segment.segment_file import sha256_of, sync_directory
from recorder.spans import near, without
from runtime.db_threads import persistently

#: The name of a file until all of it is there; no segment has such a name.
_COMING = ".adopting"

_MOST_SHOWN = 20

#: The length of a page of rows: files are read and copied for minutes between two rows.
_ask = partial(persistently, what="the manifest")


class AdoptionRefused(RecorderError):
    """A store that cannot be imported; the text lists why."""

    def __init__(self, store: Path, problems: list[str]) -> None:
        self.problems = problems
        shown = problems[:_MOST_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        super().__init__(f"{store} was not taken in:\n  " + "\n  ".join(shown))


@dataclass(slots=True)
class Adopted:
    """The result: what was imported, what was there already, and remarks."""

    rows: list[Segment] = field(default_factory=list)
    already: list[ForeignSegment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Plan(NamedTuple):
    """A foreign segment and the facts read from its file."""

    foreign: ForeignSegment
    facts: SegmentFacts


def adopt(
    market: Market,
    directory: Path,
    store: Path,
    *,
    move: bool = False,
    pin: bool = False,
    most_step_seconds: float = DAY_SECONDS,
    on_done: Callable[[int, int], None] = lambda done, of: None,
) -> Adopted:
    """Import the segments of `store` into the market's `directory`: copied, or moved. Only for the store's holder.

    With `pin` they are pinned from their first moment here on: a clean-up comes each minute, and old ones go first.
    Everything is read and checked before anything is imported. A file that is there already with the same content is
    skipped, so an interrupted adoption can be completed by another one. `on_done` receives how many are imported, of
    how many. `most_step_seconds` is the largest step of ts between two messages of a segment (0: any step). Raises
    AdoptionRefused, StoreError, OSError, django.db.Error.
    """
    found = look_into(store)
    problems, done = found.problems, Adopted(notes=found.notes)
    plans = [
        plan for foreign in found.segments if (plan := _plan(foreign, problems, done, most_step_seconds)) is not None
    ]
    plans = _unknown(market, directory, plans, problems, done)
    problems += overlaps(market, plans)
    agents = new_agents(directory, store, problems)
    if problems:
        raise AdoptionRefused(store, problems)
    if agents:
        _ask(partial(take_agents, market, directory, agents))
    _ask(partial(restore_runs, market, directory))  # else the file would lose what the database has lost
    runs = ForeignRuns(market, store, [plan.facts for plan in plans])
    for number, plan in enumerate(plans, 1):
        run = _ask(partial(runs.of, plan.facts.start_t))
        done.rows.append(_take(market, run, directory, plan, move=move, pin=pin))
        on_done(number, len(plans))
    if done.rows or done.already:
        _ask(partial(keep_runs, market, directory))
    for foreign in done.already:
        if pin:
            _ask(partial(_pin, market, foreign))
        if move:
            foreign.path.unlink()
    return done


def _pin(market: Market, foreign: ForeignSegment) -> None:
    Segment.objects.of(market, foreign.kind).filter(name=foreign.name.lasting).update(pinned=True)


def _plan(foreign: ForeignSegment, problems: list[str], done: Adopted, most_step_seconds: float) -> Plan | None:
    """The plan for a foreign segment: import it unless something is wrong with it."""
    facts, _ = read_facts(foreign.path, foreign.kind)
    faults = [] if foreign.name.pending else examine(foreign.path, foreign.kind).faults
    faults = faults or list(time_faults(foreign.path, most_step_seconds))
    problems += [f"{foreign}: {fault}" for fault in faults]
    if faults:
        return None
    if facts is None:
        done.notes.append(f"{foreign} holds no whole line and was left out")
        return None
    return Plan(foreign, replace(facts, sealed_at=foreign.sealed_at or facts.sealed_at))


def _unknown(market: Market, directory: Path, plans: list[Plan], problems: list[str], done: Adopted) -> list[Plan]:
    """The plans without those whose content the market already has."""
    new = []
    for plan in plans:
        facts = plan.facts
        named = Segment.objects.of(market, facts.kind).filter(name=facts.name)
        row = persistently(named.first, str(plan.foreign))
        ours = directory / facts.kind / facts.name
        promised = row is not None and row.removed_at is None and not row.missing
        if promised and row is not None and is_held(row, ours, plan.foreign, facts):
            done.already.append(plan.foreign)
        elif promised or (row is None and ours.exists()):
            where = "the cold store" if row is not None and row.cold == Cold.ONLY else directory
            problems.append(f"{plan.foreign}: another file of that name is in {where}")
        else:
            new.append(plan)
    return new


def overlaps(market: Market, plans: Iterable[Plan]) -> list[str]:
    """The t that would exist twice, in words. A removed segment can only come back as itself."""
    found = []
    for kind in KINDS:
        coming = [plan for plan in plans if plan.facts.kind == kind]
        back = {plan.facts.name for plan in coming}
        spans = [_Span(plan.facts.start_t, plan.facts.end_t, str(plan.foreign)) for plan in coming]
        kept = _ask(partial(spans_kept, market, kind))
        rows = Segment.objects.of(market, kind).defer("seek_points")
        for row in pages(rows):
            if row.name in back:  # no query takes so many names
                continue
            # What was lost in a crash and made again is in another segment.
            gone, span = row.removed_at is None and row.missing, (row.start_t, row.end_t)
            parts = without(span, near(span, kept) if gone else [])
            spans += [_Span(first, last, f"{row.path} ({row.state})") for first, last in parts]
        found += [f"{later} overlaps {earlier}" for earlier, later in _overlapping(spans)]
    return found


class _Span(NamedTuple):
    start_t: int
    end_t: int
    path: str

    def __str__(self) -> str:
        return f"{self.path}, t={self.start_t} to {self.end_t},"


def _overlapping(spans: list[_Span]) -> list[tuple[_Span, _Span]]:
    """Each span that begins before an earlier one ends, with that one; spans without a message are ignored."""
    found = []
    last: _Span | None = None
    for span in sorted(span for span in spans if span.start_t <= span.end_t):
        if last is not None and span.start_t <= last.end_t:
            found.append((last, span))
        if last is None or span.end_t > last.end_t:
            last = span
    return found


def _take(market: Market, run: Run, directory: Path, plan: Plan, *, move: bool, pin: bool) -> Segment:
    """Move or copy one segment to its place and create its row. Raises StoreError."""
    target = directory / plan.facts.kind / plan.facts.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if plan.foreign.name.pending:
            return _take_pending(market, run, target.parent, plan, move=move, pin=pin)
        ready = plan.foreign.path
        if not move or ready.stat().st_dev != target.parent.stat().st_dev:
            ready = _copied(ready, target.with_name(target.name + _COMING), plan.facts.sha256)
        # The row comes first: if the process ends here, the segment counts as missing, and not as the market's own.
        row = _ask(lambda: _row(market, run, plan.facts, pin=pin))
        os.replace(ready, target)
        sync_directory(target.parent)
        if move:
            plan.foreign.path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(target, error) from error
    return row


def _take_pending(market: Market, run: Run, directory: Path, plan: Plan, *, move: bool, pin: bool) -> Segment:
    """A copy of the present content, made whole and sealed like a segment of ours after a crash."""
    name = plan.foreign.name
    _copied(plan.foreign.path, directory / (name.lasting + _COMING), None).rename(directory / name.file)
    recovered = recover_file(directory, plan.facts.kind, name)
    if recovered.facts is None:
        raise OSError(errno.EIO, recovered.reason)
    if move:
        plan.foreign.path.unlink()
    facts = recovered.facts
    return _ask(lambda: _row(market, run, facts, pin=pin))


def _row(market: Market, run: Run, facts: SegmentFacts, *, pin: bool) -> Segment:
    with transaction.atomic():
        row = save_facts(market, run, facts)
        changes = {"removed_at": None} | ({"pinned": True} if pin else {})
        return change_row(Segment.objects.filter(pk=row.pk), **changes) or row


def _copied(source: Path, copy: Path, sha256: str | None) -> Path:
    """A synced copy, read back if the checksum is known. Raises OSError."""
    try:
        shutil.copy2(source, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        if sha256 is not None and sha256_of(copy) != sha256:
            raise OSError(errno.EIO, f"the copy of {source} is not what was read before")
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    return copy
