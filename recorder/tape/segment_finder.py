"""Finds segments by the manifest's rows, while these are known to list every file on disk."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator, Sequence
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseError

from recorder.cold.copies import COLUMNS, copy_of, has_open_copies, is_elsewhere, is_named, open_copy_of
from recorder.manifest.inventory import is_exact_for_readers, opened_last
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.segment.layout import SegmentName, parse_name, pending_name
from recorder.segment.listing import Directory, Found, SeekPoints, lies_in
from runtime.db_threads import reading
from runtime.unavailable import Unavailable

log = logging.getLogger(__name__)

_COLUMNS = ("pending", "seek_points", "end_t", "sha256", *COLUMNS)


class ManifestFinder:
    """Finds the segments of a market's kind by rows, which takes the same time for any number of segments.

    It uses the names of files if the rows are not known to list all of them: for a moment after the directory has
    changed, and without a database. Segments in the bucket alone are known by rows only, so without a database some may
    lie between any two files: `check_step` is for each step from one to the next. For one reading.
    """

    def __init__(self, symbol: str, directory: Path, kind: str) -> None:
        self._symbol, self._kind, self._directory = symbol, kind, directory / kind
        self._files = Directory(self._directory)
        self._not_told: DatabaseError | None = None

    def from_t(self, t: int) -> Iterator[Found]:
        last: SegmentName | None = None
        try:
            if self.rows_suffice():
                for found in self._told_by(self._rows(), from_t=t):
                    yield found
                    last = found.name
                yield from self._just_opened(last)
                return
        except DatabaseError as error:
            self._check_without_rows(error, t)
        files = self._with_copies(self._files.from_t(t), t)
        yield from files if last is None else dropwhile(lambda found: _place(found.name) <= _place(last), files)

    def newest_first(self) -> Iterator[Found]:
        try:
            if self.rows_suffice():
                yield from self._told_by(self._rows(), newest_first=True)
                return
        except DatabaseError as error:
            self._check_without_rows(error)
        yield from self._files.newest_first()
        yield from self._copies(newest_first=True)

    def check_step(self) -> None:
        """Raises Unavailable if the database did not tell which segments lie between two files."""
        if self._not_told is not None:
            raise self._unavailable(self._not_told)

    def moved(self, here: Found) -> Found | None:
        """Rows are read a page at a time, and what is in a page may leave for the bucket before it is read."""
        if not is_named():
            return None
        rows = self._rows().in_bucket().select_related("market").filter(name=here.name.lasting)
        try:
            row = reading(rows.first)
        except DatabaseError as error:
            raise self._unavailable(error) from error
        return None if row is None else known(row, self._directory)

    def _just_opened(self, last: SegmentName | None) -> Iterator[Found]:
        """The newest segment, if its row had not come yet when the rows were read, which ended with this one.

        Of all kinds but ticks nothing would show that it lacks, where ticks of the same t are on the disk already.
        """
        name = "" if self.is_elsewhere() else opened_last(self._directory)
        if not name or (last is not None and _place(parse_name(name)) <= _place(last)):
            return
        row = reading(Segment.objects.of(self._symbol, self._kind).filter(name=name).select_related("market").first)
        if row is not None and row.removed_at is None and not row.missing:
            yield known(row, self._directory)
        elif row is None and lies_in(self._directory, name):
            yield Found(parse_name(pending_name(name)))

    def rows_suffice(self) -> bool:
        """Whether the rows are known to list all that can be read. Raises OSError, django.db.Error."""
        return self.is_elsewhere() or reading(self._is_exact)

    def _is_exact(self) -> bool:
        return is_exact_for_readers(self._symbol, self._kind, self._directory)

    def is_elsewhere(self) -> bool:
        """Whether the files are on the disk of another machine, and here are those in the bucket."""
        return is_elsewhere(self._directory)

    def _rows(self) -> SegmentQuerySet:
        return Segment.objects.of(self._symbol, self._kind).kept()

    def _with_copies(self, files: Iterator[Found], t: int) -> Iterator[Found]:
        """Files by their names, and what the rows tell of copies."""
        if not is_named():
            return files
        merged = heapq.merge(self._copies(from_t=t), files, key=lambda found: _place(found.name))
        return (next(same) for _, same in groupby(merged, key=lambda found: _place(found.name)))

    def _copies(self, from_t: int | None = None, **options: Any) -> Iterator[Found]:
        """The segments of which a copy is known. If the database does not answer, the files have to do.

        Raises Unavailable if they cannot.
        """
        if is_named():
            try:
                yield from self._told_by(self._rows().in_bucket(), from_t=from_t, **options)
            except DatabaseError as error:
                self._check_without_rows(error, from_t)
                self._not_told = error
                log.warning("%s: which %s are in the bucket cannot be told: %s", self._symbol, self._kind, error)

    def _check_without_rows(self, error: DatabaseError, t: int | None = None) -> None:
        """Raises Unavailable if what is wanted may be in the bucket, which the database alone can tell."""
        if is_named():
            names = self._files.from_t(-1 if t is None else t)
            first = next(names, None)
            if first is None or (t is not None and first.name.start_t > t):
                raise self._unavailable(error) from error

    def _unavailable(self, error: DatabaseError) -> Unavailable:
        return Unavailable(f"which {self._kind} are in the bucket cannot be told: {error}")

    def _told_by(self, rows: SegmentQuerySet, **options: Any) -> Iterator[Found]:
        market = reading(Market.objects.filter(symbol=self._symbol).first) if self.is_elsewhere() else None
        for start_t, name, *facts in rows.paged(*_COLUMNS, **options):
            found = _found(start_t, name, *facts)
            yield found if market is None else _put_elsewhere(found, market, self._kind, facts)


def _found(start_t: int, name: str, pending: bool, points: SeekPoints, end_t: int, sha256: str, *copy: Any) -> Found:
    """The seek points; those of a pending segment are read from its file, which has grown since."""
    if pending:
        return Found(parse_name(pending_name(name)), span=(start_t, end_t))
    return Found(parse_name(name), points, (start_t, end_t), sha256, copy_of(*copy))


def _put_elsewhere(found: Found, market: Market, kind: str, facts: Sequence[Any]) -> Found:
    """A segment whose file is on another machine; what is not in the bucket as a whole may be there as a part."""
    copy, points, since = found.copy, facts[1], facts[-1]
    if copy is None and has_open_copies():
        copy = open_copy_of(market.symbol, market.store_id, kind, found.name.lasting, points, since)
    return found._replace(copy=copy, absence="elsewhere")


def known(row: Segment, directory: Path | None = None) -> Found:
    """The facts in a row of a segment that may have been sealed since; `directory` is where its file would be."""
    facts = [getattr(row, column) for column in _COLUMNS]
    found = _found(row.start_t, row.name, *facts)
    if directory is not None and is_elsewhere(directory):
        found = _put_elsewhere(found, row.market, row.kind, facts)
    return found._replace(name=parse_name(pending_name(row.name)))


def _place(name: SegmentName) -> tuple[int, int]:
    return name.start_t, name.opened_at
