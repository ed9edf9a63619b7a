"""The files of one part of a table: Parquet, one for each day of market time, which get their names all at the end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from exports.formats import Told, parquet_writer

#: Days that are written side by side. A ts may jump; a day that comes back after many others gets a further file.
_MOST_OPEN = 8

#: How the names of finished files look: first t of the part, and number in it.
FILE_NAME = re.compile(r"t[0-9]{16}-[0-9]+\.(parquet|mcap)", re.ASCII)
#: What is not finished ends with this, so that no pattern for tables finds it.
UNFINISHED = ".new"

#: The value of a partition for rows without one, by which readers of Hive folders know them.
_NO_DAY = "__HIVE_DEFAULT_PARTITION__"


def file_name(from_t: int, number: int, suffix: str) -> str:
    """The name of a file of the part that begins with `from_t`."""
    return f"t{from_t:016d}-{number}{suffix}"


class DayFiles:
    """Writes the batches of a part below `directory`; with `by_day` in a folder `date=…` for each day, in UTC.

    `told` gives the metadata that are known when a file ends.
    """

    def __init__(self, directory: Path, from_t: int, schema: Any, told: Told, *, by_day: bool) -> None:
        self._directory, self._from_t, self._schema = directory, from_t, schema
        self._told, self._by_day = told, by_day
        self._writers: dict[str, tuple[Any, IO[bytes]]] = {}
        #: The files that were begun, by the names that they have until `finish`.
        self.paths: list[Path] = []
        self.rows = 0

    def write(self, batch: Any) -> None:
        """Raises OSError."""
        self.rows += batch.num_rows
        for day, rows in _days(batch) if self._by_day else [("", batch)]:
            self._writer(day).write_batch(rows)

    def _writer(self, day: str) -> Any:
        writer = self._writers.pop(day, None)
        if writer is None:
            if len(self._writers) == _MOST_OPEN:
                self._end(*self._writers.pop(next(iter(self._writers))))
            file = self._new_path(day).open("wb")  # pyarrow would take a path with a colon for a URI
            writer = parquet_writer(file, self._schema), file
        self._writers[day] = writer  # the last one used is the last
        return writer[0]

    def _new_path(self, day: str) -> Path:
        folder = self._directory / f"date={day}" if day else self._directory
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (file_name(self._from_t, len(self.paths), ".parquet") + UNFINISHED)
        self.paths.append(path)
        return path

    def _end(self, writer: Any, file: IO[bytes]) -> None:
        with file:
            writer.add_key_value_metadata(self._told())
            writer.close()

    def finish(self) -> list[Path]:
        """End each file and give it its name; the paths. Raises OSError."""
        self.close()
        return [named(path) for path in self.paths]

    def close(self) -> None:
        """End writing. Until `finish`, files have a name that shows that they are not finished."""
        for writer in self._writers.values():
            self._end(*writer)
        self._writers = {}


def named(path: Path) -> Path:
    """Give a written file its name, once it is on the disk; returns its path. Raises OSError."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    final = path.with_name(path.name.removesuffix(UNFINISHED))
    path.rename(final)
    handle = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return final


def _days(batch: Any) -> Iterator[tuple[str, Any]]:
    """The rows of each day, mostly of one alone."""
    days = batch.column("ts").cast(pa.date32())
    for day in pc.unique(days).to_pylist():
        if day is None:
            yield _NO_DAY, batch.filter(days.is_null())
        else:
            yield day.isoformat(), batch.filter(pc.equal(days, day))
