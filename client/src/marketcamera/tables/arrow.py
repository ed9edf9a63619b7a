"""Arrow: the package that tables are made with, if it is installed, and the schema of each table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from marketcamera.errors import MarketCameraError
from marketcamera.tables.columns import TABLES, VERSION, Column

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as arrow_json
except ModuleNotFoundError:
    raise MarketCameraError("tables need the pyarrow package: pip install 'marketcamera[arrow]'") from None

__all__ = ["arrow_json", "marked", "pa", "pc", "schema_of"]

_TYPES = {"int64": pa.int64(), "float64": pa.float64(), "ts": pa.timestamp("us", "UTC"), "text": pa.string()}


@cache
def schema_of(table: str) -> pa.Schema:
    """The schema of a table: each field's metadata have `unit` and `meaning`, its own the `table` and its `version`.

    Raises KeyError.
    """
    found = TABLES[table]
    metadata = {"table": table, "version": VERSION, "row": found.row}
    return pa.schema([_field(column) for column in found.columns], metadata)


def _field(column: Column) -> pa.Field:
    told = {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, _TYPES[column.type], nullable=column.name != "t", metadata=told)


def marked(schema: pa.Schema, facts: Mapping[str, str]) -> pa.Schema:
    """The schema with further metadata, as of which `symbol` and `store` its rows are."""
    return schema.with_metadata({**(schema.metadata or {}), **facts})
