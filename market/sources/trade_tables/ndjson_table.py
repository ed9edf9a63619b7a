"""NDJSON: an object a trade, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from market.sources import text_file
from market.sources.text_file import Unreadable
from market.sources.trade_tables.table import Place, Row


class NdjsonTable:
    """A table of objects, plain, gzip or zstd; the first has every column that counts. Rows are lines, from 1.

    Raises Unreadable if the first line is no object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            first = next(line for line in text_file.lines(text_file.unpacked(file)) if line.strip())
        found = _object(first)
        if isinstance(found, str):
            raise Unreadable(f"row 1: {found}")
        self.columns = [*found]

    def rows(self, columns: list[str], place: Place) -> Iterator[Row]:
        with self._path.open("rb") as file:
            number, offset = place
            for line in text_file.lines(text_file.unpacked(file, offset)):
                number, offset = number + 1, offset + len(line) + 1
                if line.strip():
                    found = _object(line)
                    values = found if isinstance(found, str) else [found.get(column) for column in columns]
                    yield Row(values, Place(number, offset))


def _object(line: bytearray) -> dict[str, Any] | str:
    try:
        found = orjson.loads(text_file.without_mark(line))
    except orjson.JSONDecodeError as error:
        return text_file.why_not_json(line, error)
    return found if isinstance(found, dict) else "not a JSON object"
