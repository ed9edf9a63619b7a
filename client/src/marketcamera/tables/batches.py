"""Arrow batches of a table, made of recorded lines while they are read, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from marketcamera.tables.arrow import pa, schema_of
from marketcamera.tables.rows import Prices, batch_of

#: The rows of a batch, and of a row group of a Parquet file; the last one has fewer.
BATCH_ROWS = 65_536

#: Lines are parsed by about so many bytes at a time.
_TEXT_BYTES = 2 << 20


def batches(
    table: str, lines: Iterable[bytes], *, prices: Prices | None = None, rows: int = BATCH_ROWS
) -> Iterator[Any]:
    """RecordBatches of `rows` rows each (the last one may have fewer), of messages of the table's tape as JSON lines.

    The table is one of `columns.TABLES` but bars. Without `prices` the column `price` has no values. Holds the rows of
    a batch and some MiB of text. Raises BadMessage for a line that is no message of the tape.
    """
    return regrouped((batch_of(table, chunk, prices) for chunk in _chunks(lines)), rows)


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk, size = list[bytes](), 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= _TEXT_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def regrouped(found: Iterable[Any], rows: int = BATCH_ROWS) -> Iterator[Any]:
    """The same rows in batches of `rows` rows each; the last one may have fewer."""
    waiting, count = list[Any](), 0
    for batch in found:
        while count + batch.num_rows >= rows:
            taken = rows - count
            yield _joined([*waiting, batch.slice(0, taken)])
            waiting, count, batch = [], 0, batch.slice(taken)
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def bar_batches(bars: Iterable[tuple[Any, ...]], rows: int = BATCH_ROWS) -> Iterator[Any]:
    """RecordBatches of bars, given as tuples of the values of the table's columns, times in milliseconds since 1970."""
    chunk = list[tuple[Any, ...]]()
    for bar in bars:
        chunk.append(bar)
        if len(chunk) == rows:
            yield _bar_batch(chunk)
            chunk = []
    if chunk:
        yield _bar_batch(chunk)


def _bar_batch(bars: list[tuple[Any, ...]]) -> Any:
    schema = schema_of("bars")
    columns = zip(schema, zip(*bars, strict=True), strict=True)
    return pa.record_batch([_bar_column(field, values) for field, values in columns], schema=schema)


def _bar_column(field: Any, values: tuple[Any, ...]) -> Any:
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.timestamp("ms", "UTC")).cast(field.type)
    return pa.array(values, field.type)
