"""What every format of a table gives: its columns, and rows from any place on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol


class Place(NamedTuple):
    """Between two rows: the number of the row before, and the bytes of text up to there, where a format counts them."""

    row: int = 0
    offset: int = 0


class Row(NamedTuple):
    """A row: its values by the columns that were asked for (one that is not there is None), or why it is none, as text.

    `behind` is the place behind it.
    """

    values: Sequence[Any] | str
    behind: Place


class Table(Protocol):
    """A table in a file."""

    columns: list[str]

    def rows(self, columns: list[str], place: Place) -> Iterator[Row]:
        """The rows from a place on, read in bounded memory. Raises Unreadable."""
