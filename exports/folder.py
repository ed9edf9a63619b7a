"""A folder that holds a recording as tables, or as MCAP: made part by part, and gone on with where it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from exports.day_files import FILE_NAME, UNFINISHED, DayFiles, file_name, named
from exports.errors import NotAnExport, RecordingChanged
from exports.export_log import NAME, ExportLog, Part
from exports.recorded import Rows, RunPrices, Wanted
from marketcamera.tables.columns import TABLES, VERSION
from marketcamera.tables.gaps import Gaps
from recorder.segment.layout import KINDS
from recorder.tape.history import History

#: Ticks of a part. It is done anew if a process is killed in the middle: some seconds of work.
PART_TICKS = 65_536

#: The kind of a folder of MCAP files, which has all tapes in one.
MCAP = "mcap"


@dataclass(frozen=True)
class Layout:
    """What the files of a folder are: `form` is parquet or mcap, `resolution` that of its bars."""

    form: str = "parquet"
    by_day: bool = True
    resolution: str = "1m"
    t0: int = 0


#: Told how many ticks further an export is.
OnProgress = Callable[[int], object]


class _Elsewhere(Exception):
    """From this t on the part is not all here."""

    def __init__(self, from_t: int) -> None:
        super().__init__(from_t)
        self.from_t = from_t


class Folder:
    """A folder for one recording. Raises ExportError, OSError.

    `last_t` is the last t that can be exported: that of the last tick on disk, or of the last one whose price is known.
    Frames and metrics are there up to it.
    """

    def __init__(
        self, directory: Path, history: History, layout: Layout, prices: RunPrices | None, last_t: int | None = None
    ) -> None:
        self._directory, self._history, self._layout, self._prices = directory, history, layout, prices
        self.last_t = last_t
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / NAME).exists() and any(directory.iterdir()):
            raise NotAnExport(directory, f"it is not empty, and has no {NAME}")
        facts = {"type": "export", "tables": VERSION, "symbol": history.symbol, "store": history.store_id}
        self.log = ExportLog(directory, {**facts, **vars(layout)})
        self._remove_left_over()

    def _remove_left_over(self) -> None:
        """Remove the files of parts that were not finished."""
        kept = self.log.files
        for path in self._directory.rglob("t*"):
            is_ours = FILE_NAME.fullmatch(path.name.removesuffix(UNFINISHED)) is not None
            if is_ours and str(path.relative_to(self._directory)) not in kept:
                path.unlink()

    def begin_of(self, kind: str) -> int:
        """The first t that is not exported yet."""
        end = self.log.end_of(kind)
        return self._layout.t0 if end is None else end + 1

    def export(self, kind: str, to_t: int, on_progress: OnProgress = lambda ticks: None) -> Iterator[Part]:
        """Export the rest of a kind up to a t, and return each part once it is finished.

        It ends before what is on the disk of another machine and not in the bucket yet, which a later one exports.
        """
        for from_t, end_t in self._spans(kind, to_t):
            try:
                part = self._part(kind, from_t, end_t)
            except _Elsewhere as what:
                here_t = what.from_t - 1
                part = self._part(kind, from_t, here_t) if here_t >= from_t else None
                to_t = here_t
            if part is not None:
                self.log.add(part)
                yield part
            on_progress(end_t - from_t + 1)
            if to_t < end_t:
                return

    def _spans(self, kind: str, to_t: int) -> Iterator[tuple[int, int]]:
        """The parts to be made. What was removed at the beginning is one; bars, which are few, are one as well."""
        at = self.begin_of(kind)
        first_t = None if kind == "bars" else self._history.first_t("ticks" if kind == MCAP else TABLES[kind].tape)
        if first_t is not None and at < first_t <= to_t:
            yield at, first_t - 1
            at = first_t
        while at <= to_t:
            end = to_t if kind == "bars" else min(to_t, at + PART_TICKS - at % PART_TICKS - 1)
            yield at, end
            at = end + 1

    def _part(self, kind: str, from_t: int, to_t: int) -> Part | None:
        if kind == MCAP:
            return self._mcap_part(from_t, to_t)
        rows = Rows(self._history, Wanted(kind, from_t, to_t, self._layout.resolution), self._prices)
        end_t = to_t
        files = DayFiles(self._directory / f"kind={kind}", from_t, rows.schema, rows.told, by_day=self._layout.by_day)
        try:
            for batch in rows.batches:
                files.write(batch)
                if kind == "bars":
                    end_t = pc.max(batch.column("last_t")).as_py()
            if kind == "bars":
                rows.end_with(end_t)  # the next part tells what is missing behind it
        finally:
            files.close()
        if kind == "bars" and not files.rows:
            return None  # the next may hold ticks of before
        self._check(rows.gaps, files.paths)
        return self._finished(kind, from_t, end_t, files.rows, files.finish(), rows.gaps)

    def _mcap_part(self, from_t: int, to_t: int) -> Part:
        from exports.mcap_file import write_mcap

        path = self._directory / (file_name(from_t, 0, ".mcap") + UNFINISHED)
        facts = {"symbol": self._history.symbol, "store": self._history.store_id or ""}
        rows, gaps = write_mcap(path, self._history.messages(KINDS, from_t - 1, to_t), KINDS, facts)
        self._check(gaps, [path])
        if not rows:
            path.unlink()
        return self._finished(MCAP, from_t, to_t, rows, [named(path)] if rows else [], gaps)

    def _check(self, gaps: Gaps, unfinished: Iterable[Path]) -> None:
        """Raises RecordingChanged, or _Elsewhere: then the files are removed."""
        if any(gap.reason == "store_changed" for gap in gaps):
            raise RecordingChanged(self._history.symbol)
        missing = [gap.from_t for gap in gaps if gap.reason == "elsewhere"]
        if missing:
            for path in unfinished:
                path.unlink()
            raise _Elsewhere(min(missing))

    def _finished(self, kind: str, from_t: int, to_t: int, rows: int, paths: list[Path], gaps: Gaps) -> Part:
        files = [str(path.relative_to(self._directory)) for path in paths]
        told: list[dict[str, Any]] = [gap._asdict() for gap in gaps]
        return Part(kind, from_t, to_t, rows, files, told)
