"""Prints the tables as they stand in docs/tables.md: `python tools/data_dictionary.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "client" / "src"))

from marketcamera.tables.columns import TABLES, Column, Table

_TYPES = {"ts": "timestamp", "text": "string"}


def data_dictionary() -> str:
    """Every table with its columns as Markdown, as it stands in docs/tables.md."""
    return "\n".join(_section(table) for table in TABLES.values())


def _section(table: Table) -> str:
    head = f"### {table.name}\nA row is {table.row}.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n"
    return head + "".join(map(_row, table.columns))


def _row(column: Column) -> str:
    lacking = f"; null: {column.may_lack}" if column.may_lack else ""
    kind = _TYPES.get(column.type, column.type)
    return f"| `{column.name}` | {kind} | {column.unit or '–'} | {column.meaning}{lacking} |\n"


if __name__ == "__main__":
    print(data_dictionary(), end="")
