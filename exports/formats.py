"""The formats of a table: its batches as the bytes of a Parquet file, an Arrow stream or CSV, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import csv, ipc, parquet

#: Called behind the last batch for what is known only then.
Told = Callable[[], Mapping[str, str]]
Pieces = Callable[[Any, Iterable[Any], Told], Iterator[bytes]]


class _Sink:
    """A file for Arrow's writers, out of which what was written is taken."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written_bytes = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._written_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written_bytes

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def parquet_writer(where: Any, schema: Any) -> Any:
    """A writer of Parquet files: zstd, rising integers by their differences, texts by a dictionary."""
    rising = [field.name for field in schema if field.name in ("t", "ts", "t0", "close_time", "last_t")]
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    encodings = dict.fromkeys(rising, "DELTA_BINARY_PACKED")
    return parquet.ParquetWriter(
        where, schema, compression="zstd", use_dictionary=texts or False, column_encoding=encodings
    )


def _parquet(schema: Any, batches: Iterable[Any], told: Told) -> Iterator[bytes]:
    """A row group a batch; what is told at the end is metadata of the file, in its footer."""
    sink = _Sink()
    with parquet_writer(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
        writer.add_key_value_metadata(told())
    yield sink.take()


def _arrow(schema: Any, batches: Iterable[Any], told: Told) -> Iterator[bytes]:
    """A message a batch; what is told at the end are the custom metadata of a last batch without rows."""
    sink = _Sink()
    with ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
        writer.write_batch(pa.RecordBatch.from_pylist([], schema), custom_metadata=dict(told()))
    yield sink.take()


def _csv(schema: Any, batches: Iterable[Any], told: Told) -> Iterator[bytes]:
    """A line of names, and one a row; it has no place for what is told at the end."""
    sink = _Sink()
    with csv.CSVWriter(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    told()
    yield sink.take()


@dataclass(frozen=True, slots=True)
class Format:
    """How a table is written, and as what it is answered."""

    content_type: str
    pieces: Pieces


FORMATS = {
    "parquet": Format("application/vnd.apache.parquet", _parquet),
    "arrow": Format("application/vnd.apache.arrow.stream", _arrow),
    "csv": Format("text/csv; charset=utf-8", _csv),
}
