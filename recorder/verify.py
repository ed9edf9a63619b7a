"""Verification: holds every finished segment of a market against its row, and each tape against itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from recorder.examine import Examined, Span, examine
from recorder.format import KINDS, segment_files
from recorder.lock import is_held
from recorder.models import Market, Segment
from recorder.spans import length, merged, without

#: Rows are fetched so many at a time: a reading transaction open for minutes would hold up a database's house-keeping.
_ROWS_AT_ONCE = 200


class Fault(NamedTuple):
    """Something that is not as it should be; `where` is a path in the market's directory, or a kind."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Counts:
    """What a verification went through; `gap_ticks` are the ticks that gap lines tell of as missing."""

    segments: int = 0
    lines: int = 0
    bytes: int = 0
    gaps: int = 0
    gap_ticks: int = 0
    removed: int = 0
    pending: int = 0


class Held(NamedTuple):
    """A finished segment that can be relied on."""

    name: str
    run_id: int | None
    start_t: int
    end_t: int


@dataclass(slots=True)
class Tape:
    """What a verification learnt of one kind: segments in order, the t that are gone with others, what is told."""

    held: list[Held] = field(default_factory=list)
    gone: list[Span] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    end_t: int = -1
    open_from: int | None = None
    _losing: bool = False

    def keep(self, row: Segment, found: Examined) -> None:
        """The next segment is as it should be."""
        if self._losing:
            self._lose_up_to(row.start_t - 1)
        self.held.append(Held(row.name, row.run_id, row.start_t, row.end_t))
        self.spans = merged([*self.spans, *found.spans])
        self.gaps = merged([*self.gaps, *found.gaps])
        self.end_t = max(self.end_t, row.end_t)

    def lose(self, row: Segment) -> None:
        """The next segment is not there, or not what it should be: nothing up to its neighbours can be told."""
        self._losing = True
        self._lose_up_to(row.end_t)

    def end(self, next_t: int | None) -> None:
        """No finished segment follows; `next_t` begins the pending one."""
        self.open_from = None if next_t is None else self.end_t + 1
        if self._losing and next_t is not None:
            self._lose_up_to(next_t - 1)

    def holes(self) -> list[Span]:
        """The t between the first and last message that nothing tells of."""
        known = merged([*self.spans, *self.gaps, *self.gone])
        return [(a[1] + 1, b[0] - 1) for a, b in zip(known, known[1:], strict=False)]
