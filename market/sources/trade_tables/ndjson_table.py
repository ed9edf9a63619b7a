"""NDJSON: an object a trade, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from market.sources import text_file
from market.sources.text_file import Unreadable
from market.sources.trade_tables.table import Place, Row

#: Columns are those of so many lines: what writes objects often leaves out a field that is not known.
_LINES_FOR_COLUMNS = 1000


class NdjsonTable:
    """A table of objects, plain, gzip or zstd, whose columns are those of its first lines. Rows are lines, from 1.

    Raises Unreadable if the first line is no object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self.columns = _columns(islice(text_file.lines(text_file.unpacked(file)), _LINES_FOR_COLUMNS))

    def rows(self, columns: list[str], place: Place) -> Iterator[Row]:
        with self._path.open("rb") as file:
            number, offset = place
            for line in text_file.lines(text_file.unpacked(file, offset)):
                number, offset = number + 1, offset + len(line) + 1
                if line.strip():
                    found = _object(line)
                    values = found if isinstance(found, str) else [found.get(column) for column in columns]
                    yield Row(values, Place(number, offset))


def _columns(lines: Iterable[bytearray]) -> list[str]:
    """The columns of some rows, in the order in which they appear; a later row that is no object has none."""
    columns: dict[str, Any] = {}
    for line in filter(bytearray.strip, lines):
        found = _object(line)
        if not isinstance(found, str):
            columns |= found
        elif not columns:
            raise Unreadable(f"row 1: {found}")
    return [*columns]


def _object(line: bytearray) -> dict[str, Any] | str:
    try:
        found = orjson.loads(text_file.without_mark(line))
    except orjson.JSONDecodeError as error:
        return text_file.why_not_json(line, error)
    return found if isinstance(found, dict) else "not a JSON object"
