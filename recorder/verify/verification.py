"""Verification: compares every finished segment of a market with its row, and checks each tape for consistency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from recorder.cold.bucket import BucketUnavailable
from recorder.manifest.row_writer import pages, spans_kept
from recorder.models import Cold, Market, Segment
from recorder.recovery.checkpoints import Checkpoints
from recorder.recovery.run_registry import completed
from recorder.segment.examine import Examined, examine
from recorder.segment.layout import KINDS, parse_name, pending_name, segment_files
from recorder.spans import Span, length, near, without
from recorder.store.agent_rows import rows_differ
from recorder.store.agents_file import FILE_NAME, read_agents
from recorder.store.lock import is_held
from recorder.tape.segment_finder import known
from recorder.verify.cold_objects import ColdObjects
from recorder.verify.refilm import SETTINGS, RunFacts
from recorder.verify.verified_tape import Held, VerifiedTape
from runtime.db_threads import persistently


class Fault(NamedTuple):
    """A fault; `where` is a path in the market's directory, or a kind."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Counts:
    """The totals of a verification; `gap_ticks` are the ticks that gap lines announce as missing."""

    segments: int = 0
    lines: int = 0
    bytes: int = 0
    gaps: int = 0
    gap_ticks: int = 0
    removed: int = 0
    pending: int = 0


class Verification:
    """One pass over the segments of a market; `on_lines` receives how many lines were read so far.

    Pending segments are counted but not checked, because a running writer changes them. Afterwards `tapes` says what
    can be relied on in each kind.
    """

    def __init__(
        self,
        market: Market,
        directory: Path,
        on_lines: Callable[[int], None] = lambda lines: None,
        objects: ColdObjects | None = None,
    ) -> None:
        self._market, self._directory, self._on_lines = market, directory, on_lines
        self._objects = objects or ColdObjects(None, deep=False)
        self.counts = Counts()
        self.tapes = {kind: VerifiedTape() for kind in KINDS}
        self._kept: dict[str, list[Span]] = {}

    def faults(self) -> Iterator[Fault]:
        """All faults. Raises OSError if a directory cannot be read, django.db.Error."""
        for kind in KINDS:
            tape = self.tapes[kind]
            yield from self._faults_of(kind, tape)
            for name in self._objects.untold(self._market, self._directory, kind):
                yield Fault(f"{kind}/{name}", "it is in the cold store and has no row; `manage.py repair` makes one")
            tape.end()
        ticks = self.tapes["ticks"]
        self.counts.gap_ticks = length(ticks.gaps)
        for first, last in ticks.holes():
            yield Fault("ticks", f"t={first} to {last} are missing and no gap line tells of them")
        yield from self._faults_of_names()

    def _faults_of_names(self) -> Iterator[Fault]:
        register = read_agents(self._directory)
        for what in register.faults:
            yield Fault(FILE_NAME, what)
        differ = partial(rows_differ, self._market, register.agents)
        if not register.faults and not is_held(self._directory) and persistently(differ, "the agents"):
            yield Fault(FILE_NAME, "its rows are not what it says; `manage.py repair` makes them anew")

    def _faults_of(self, kind: str, tape: VerifiedTape) -> Iterator[Fault]:
        # Files are listed first: a segment sealed from now on has a row by then, or is not checked.
        files = {name.lasting: name.pending for name in segment_files(self._directory, kind)}
        for row in pages(Segment.objects.of(self._market, kind).order_by("start_t", "name")):
            is_open = files.pop(row.name, None)
            if row.removed_at is not None:
                self._lose(row, tape)
            elif row.pending:
                yield from self._pending(row, tape, is_open)
            else:
                yield from self._finished(row, tape)
        for name, is_open in files.items():
            if is_open or is_held(self._directory):
                self._leave(tape)
            else:
                yield Fault(f"{kind}/{name}", "it has no row in the manifest; `manage.py repair` makes one")

    def _lose(self, row: Segment, tape: VerifiedTape) -> None:
        self.counts.removed += 1
        tape.lose(row.end_t)

    def _leave(self, tape: VerifiedTape) -> None:
        self.counts.pending += 1
        tape.open = True

    def _pending(self, row: Segment, tape: VerifiedTape, is_open: bool | None) -> Iterator[Fault]:
        """The row of a segment that is open, or was open when its writer last reported it."""
        directory = self._directory / row.kind
        if is_open is None and not any((directory / name).exists() for name in (pending_name(row.name), row.name)):
            yield from self._gone(row, tape)
            return
        self._leave(tape)
        if is_open is False and not is_held(self._directory):
            yield Fault(f"{row.kind}/{row.name}", "its row says that it is pending; `manage.py repair` corrects it")

    def _gone(self, row: Segment, tape: VerifiedTape) -> Iterator[Fault]:
        """The row of a segment whose file is not there."""
        path = row.path
        persistently(lambda: row.refresh_from_db(fields=["removed_at"]), path)
        if row.removed_at is not None:  # by a clean-up, a moment ago
            self._lose(row, tape)
        elif not (row.missing and self._is_remade(row)):
            tape.lose(row.end_t)
            yield Fault(path, "the file is missing")

    def _is_remade(self, row: Segment) -> bool:
        """Whether the file was lost in a crash, and everything in it was made again in other segments."""
        if row.end_t < row.start_t:
            return not row.lines  # otherwise it held gap lines
        if row.kind not in self._kept:
            self._kept[row.kind] = persistently(lambda: spans_kept(self._market, row.kind), f"rows of {row.kind}")
        span = (row.start_t, row.end_t)
        return not without(span, near(span, self._kept[row.kind]))

    def _finished(self, row: Segment, tape: VerifiedTape) -> Iterator[Fault]:
        path = f"{row.kind}/{row.name}"
        try:
            found = self._examined(row)
        except FileNotFoundError:
            yield from self._gone(row, tape)
            return
        except BucketUnavailable:
            raise
        except OSError as error:
            tape.lose(row.end_t)
            yield Fault(path, f"it cannot be read: {error.strerror}")
            return
        self._count(found)
        if found.start_t is not None and found.start_t <= tape.end_t:
            found.fault(f"it begins with t={found.start_t}, the segment before it ends with t={tape.end_t}")
        of_object = () if row.cold == Cold.ONLY else self._objects.faults(row)
        for what in [*found.faults, *differences(row, found), *of_object]:
            yield Fault(path, what)
        if found.faults:
            tape.lose(row.end_t)
        else:
            start_t, end_t = span_of(row.name, found)
            told = found.spans if row.kind == "ticks" else []  # in other kinds it is unknown which t should exist
            tape.keep(Held(row.name, row.run_id, start_t, end_t, known(row).copy), told, found.gaps)

    def _examined(self, row: Segment) -> Examined:
        """The content of a segment. Raises FileNotFoundError, BucketUnavailable, OSError."""
        path = self._directory / row.kind / row.name
        if row.cold != Cold.ONLY:
            try:
                return examine(path, row.kind)
            except FileNotFoundError:  # removed from the disk alone, a moment ago
                persistently(lambda: row.refresh_from_db(fields=["cold"]), row.path)
                if row.cold != Cold.ONLY:
                    raise
        return self._objects.examined(row)

    def _count(self, found: Examined) -> None:
        self.counts.segments += 1
        self.counts.lines += found.lines
        self.counts.bytes += found.bytes
        self.counts.gaps += len(found.gaps)
        self._on_lines(self.counts.lines)


def faults_of(row: Segment, directory: Path) -> list[str]:
    """All faults of one finished segment of the market in `directory`, checked alone."""
    try:
        found = examine(directory / row.kind / row.name, row.kind)
    except FileNotFoundError:
        return ["the file is missing"]
    except OSError as error:
        return [f"it cannot be read: {error.strerror}"]
    return [*found.faults, *differences(row, found)]


def span_of(name: str, found: Examined) -> tuple[int, int]:
    """First and last t of a segment's messages, as in its row; without messages, the last is below the first."""
    start_t = parse_name(name).start_t if found.start_t is None else found.start_t
    return start_t, start_t - 1 if found.end_t is None else found.end_t


def differences(row: Segment, found: Examined) -> Iterator[str]:
    """The differences between the row of a finished segment and its file."""
    start_t, end_t = span_of(row.name, found)
    of_file = {
        "bytes": found.bytes,
        "text_bytes": found.text_bytes,
        "lines": found.lines,
        "gaps": len(found.gaps),
        "start_t": start_t,
        "end_t": end_t,
        "sha256": found.sha256,
    }
    if found.faults:
        # The totals of a damaged file differ anyway.
        of_file = {name: of_file[name] for name in ("bytes", "sha256")}
    of_object = {"bytes": row.cold_bytes, "sha256": row.cold_sha256} if row.cold == Cold.ONLY else {}
    for name, value in of_file.items():
        said = of_object.get(name, getattr(row, name))
        if value != said:
            yield f"its {name} is {value}, its row says {'nothing' if said == '' else said}"
    if not found.faults:
        yield from _false_seek_points(row, found)


def _false_seek_points(row: Segment, found: Examined) -> Iterator[str]:
    """The seek points that would mislead a reader: where no frame begins, or after messages it asked for."""
    for first_t, offset in row.cold_seek_points if row.cold == Cold.ONLY else row.seek_points:
        if offset not in found.frames:
            yield f"its row has a seek point at byte {offset:,}, where no frame begins"
        elif first_t <= found.frames[offset]:
            yield f"its row has a seek point t={first_t} at byte {offset:,}, behind t={found.frames[offset]}"


def runs_of(market: Market, directory: Path) -> Callable[[Held], RunFacts | None]:
    """A function that returns the run of a segment of ticks.

    It finds the run by the segment's row or, if a database was lost, by the checkpoints.
    """
    runs = persistently(lambda: list(market.runs.all()), f"runs of {market}")
    rows = {run.pk: RunFacts(run.first_t, completed(run.settings)) for run in runs}
    facts = [checkpoint.run for checkpoint in Checkpoints(directory).newest_first()]
    kept = [RunFacts(run["first_t"], completed(run["settings"])) for run in facts]
    known = sorted([*kept, *rows.values()], key=lambda run: run.first_t)

    def run_of(segment: Held) -> RunFacts | None:
        if segment.run_id is None:
            run = next((run for run in reversed(known) if run.first_t <= segment.start_t), None)
        else:
            run = rows[segment.run_id]
        return run if run is not None and all(name in run.settings for name in SETTINGS) else None

    return run_of
