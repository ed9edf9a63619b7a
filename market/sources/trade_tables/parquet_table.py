"""Parquet, by pyarrow, which is installed by whoever needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from market.sources.text_file import Unreadable
from market.sources.trade_tables.table import Place, Row
from market.trades.trade import Micros

_BATCH_ROWS = 8192

#: Column chunks are read in steps of this size; without it, each is read whole.
_BUFFER_BYTES = 1 << 20


class ParquetTable:
    """A table in a Parquet file. Rows are counted from 1; of two columns with the same name the first counts.

    Raises Unreadable, also if pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.parquet
        except ModuleNotFoundError:
            raise Unreadable("reading Parquet needs pyarrow; pip install pyarrow installs it") from None
        self._pyarrow = pyarrow
        try:
            self._file = pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES)
        except pyarrow.ArrowException as error:
            raise Unreadable(_one_line(error)) from None
        self.columns: list[str] = self._file.schema_arrow.names

    def rows(self, columns: list[str], place: Place) -> Iterator[Row]:
        number, groups, metadata = 0, [*range(self._file.num_row_groups)], self._file.metadata
        while groups and number + metadata.row_group(groups[0]).num_rows <= place.row:
            number += metadata.row_group(groups.pop(0)).num_rows
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS, groups, columns):
                chosen = map(batch.schema.names.index, columns)
                for values in zip(*(self._values(batch.column(i)) for i in chosen), strict=True):
                    number += 1
                    if number > place.row:
                        yield Row(values, Place(number))
        except (self._pyarrow.ArrowException, ValueError, OverflowError) as error:  # or Python has no such value
            raise Unreadable(f"behind row {number}: {_one_line(error)}") from None

    def _values(self, column: Any) -> list[Any]:
        """A column as Python values; times as microseconds, since datetimes know no nanoseconds."""
        arrow = self._pyarrow
        if not (arrow.types.is_timestamp(column.type) or arrow.types.is_date(column.type)):
            return _plain_values(column)
        column = column.cast(arrow.timestamp("us"), safe=False).cast(arrow.int64())
        return [None if micros is None else Micros(micros) for micros in column.to_pylist()]


def _plain_values(column: Any) -> list[Any]:
    """A column as Python values; text that is not UTF-8, which no file may have and some do, as its bytes."""
    try:
        values: list[Any] = column.to_pylist()
        return values
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError as error:
        return bytes(error.object)


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
