"""CSV: a row of column names, then a row a trade, separated by commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from contextlib import closing
from operator import itemgetter
from pathlib import Path

from market.sources import text_file
from market.sources.text_file import Unreadable
from market.sources.trade_tables.table import Place, Row

_DELIMITERS = ",;\t|"


class CsvTable:
    """A table of text, plain, gzip or zstd. Rows are counted as spreadsheets do: that of the names is 1.

    Of two columns with the same name the first counts. Raises Unreadable if the first row is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            first = next(text_file.lines(text_file.unpacked(file)), bytearray())
        try:
            head = first.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"row 1: {_not_utf8(error)}") from None
        self._delimiter = max(_DELIMITERS, key=head.count)
        with closing(self._read(Place())) as rows:
            names = next(rows, Row([], Place()))
        if isinstance(names.values, str):
            raise Unreadable(f"row 1: {names.values}")
        self._head = names.behind
        self.columns = [str(name).strip() for name in names.values]
        if not any(self.columns):
            raise Unreadable("its first row must have the names of columns, and is empty")

    def rows(self, columns: list[str], place: Place) -> Iterator[Row]:
        chosen = itemgetter(*map(self.columns.index, columns))
        number = len(self.columns)
        for row in self._read(place if place.row else self._head):
            if isinstance(row.values, str):
                yield row
            elif len(row.values) == number:
                yield Row(chosen(row.values), row.behind)
            elif row.values:  # an empty line is no row
                yield Row(f"{len(row.values)} fields where row 1 has {number}", row.behind)

    def _read(self, place: Place) -> Generator[Row, None, None]:
        """All rows behind a place, with all their fields."""
        with self._path.open("rb") as file:
            lines = _Lines(text_file.lines(text_file.unpacked(file, place.offset)), place.offset)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            number = place.row
            while True:
                number += 1
                lines.begin_row()
                try:
                    values: list[str] | str = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    values = str(error)
                    lines.leave_first()
                except UnicodeDecodeError as error:
                    values = _not_utf8(error)
                    lines.leave_first()
                yield Row(values, Place(number, lines.offset))


class _Lines:
    """Lines as text, with their ends, for a reader that goes on behind one that is not UTF-8; counts their bytes."""

    def __init__(self, lines: Iterator[bytearray], offset: int) -> None:
        self._lines, self.offset = lines, offset
        self._row: list[bytearray] = []
        self._again: list[bytearray] = []

    def begin_row(self) -> None:
        """What comes now is another row."""
        self._row = []

    def leave_first(self) -> None:
        """The row is its first line alone: those that a quote without an end took in come again."""
        again = self._row[1:]
        self.offset -= sum(len(line) + 1 for line in again)
        self._again += reversed(again)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        codec = "utf-8" if self.offset else "utf-8-sig"  # a mark may stand before the first name
        self.offset += len(line) + 1
        self._row.append(line)
        return line.decode(codec) + "\n"


def _not_utf8(error: UnicodeDecodeError) -> str:
    return f"not UTF-8: {error.reason} at byte {error.start}"
