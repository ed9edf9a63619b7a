"""Finds segments by the manifest's rows, while these are known to list every file on disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseError

from recorder.manifest.inventory import is_exact
from recorder.models import Segment, SegmentQuerySet
from recorder.segment.layout import SegmentName, parse_name, pending_name
from recorder.segment.listing import Directory, Found
from runtime.db_threads import reading

_COLUMNS = ("pending", "seek_points", "end_t", "sha256")


class ManifestFinder:
    """Finds the segments of a market's kind by rows, which takes the same time for any number of segments.

    It uses the names of files if the rows are not known to list all of them: for a moment after the directory has
    changed, and without a database.
    """

    def __init__(self, symbol: str, directory: Path, kind: str) -> None:
        self._symbol, self._kind, self._directory = symbol, kind, directory / kind
        self._files = Directory(self._directory)

    def from_t(self, t: int) -> Iterator[Found]:
        last: SegmentName | None = None
        try:
            if self.rows_are_exact():
                for row in self._rows().paged(*_COLUMNS, from_t=t):
                    found = _found(row)
                    yield found
                    last = found.name
                return
        except DatabaseError:
            pass  # the files tell as well
        files = self._files.from_t(t)
        yield from files if last is None else dropwhile(lambda found: _place(found.name) <= _place(last), files)

    def newest_first(self) -> Iterator[Found]:
        try:
            if self.rows_are_exact():
                yield from map(_found, self._rows().paged(*_COLUMNS, newest_first=True))
                return
        except DatabaseError:
            pass  # the files tell as well
        yield from self._files.newest_first()

    def rows_are_exact(self) -> bool:
        """Whether the rows are known to list every file. Raises OSError, django.db.Error."""
        return reading(lambda: is_exact(self._symbol, self._kind, self._directory))

    def _rows(self) -> SegmentQuerySet:
        return Segment.objects.of(self._symbol, self._kind).kept()


def _found(row: tuple[Any, ...]) -> Found:
    """The seek points; those of a pending segment are read from its file, which has grown since."""
    start_t, name, pending, points, end_t, sha256 = row
    if pending:
        return Found(parse_name(pending_name(name)), span=(start_t, end_t))
    return Found(parse_name(name), points, (start_t, end_t), sha256)


def known(row: Segment) -> Found:
    """The facts in a row of a segment that may have been sealed since."""
    name = parse_name(pending_name(row.name))
    if row.pending:
        return Found(name, span=(row.start_t, row.end_t))
    return Found(name, row.seek_points, (row.start_t, row.end_t), row.sha256)


def _place(name: SegmentName) -> tuple[int, int]:
    return name.start_t, name.opened_at
