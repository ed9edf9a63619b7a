"""The tail: the newest part of a recording, which no digest holds yet, summed up as it grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from typing import Generic, TypeVar

from market.tick_message import LARGEST
from recorder.digests.roll_up import digested_to
from recorder.models import Segment
from recorder.segment.checked_lines import Line
from recorder.spans import Span
from recorder.tape.history import History
from runtime.db_threads import reading

T = TypeVar("T")

#: Segments without a digest that the tail may begin with: those made before there were digests wait for theirs.
_MOST_SEGMENTS = 3


class Tail(Generic[T]):
    """What is recorded of a kind after the last digest, as `parts`: one for each step, in order of t.

    `sum_up` makes a part from the lines of a tape. Each step reads what is new, and at most `most_lines`, so that no
    caller waits long; the next one goes on from there. What begins at `unknown_from` or later cannot be summed up yet.
    For one thread at a time.
    """

    def __init__(
        self,
        history: History,
        kind: str,
        sum_up: Callable[[Iterable[bytes]], T],
        join: Callable[[T, T], T],
        most_lines: int,
        unknown_from: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._history, self._kind, self._sum_up, self._join, self._most_lines = history, kind, sum_up, join, most_lines
        self._unknown_from = unknown_from
        self._begin_t = self._reached_t = -1
        self.part: T | None = None
        #: The first and last t of what was read; the last is beyond all that is recorded once nothing is left.
        self.span: Span = (0, -1)

    def step(self) -> T | None:
        """Read what is new; returns all that was read since the last digest. Raises OSError, django.db.Error."""
        begin_t = reading(self._digested_t)
        if begin_t != self._begin_t or self.part is None:
            self._begin_t = self._reached_t = begin_t
            self.part = None
        read = list(islice(self._history.lines(self._kind, self._reached_t), self._most_lines))
        end_t = reading(self._unknown_from)  # asked for after reading: what is known of a run comes before its messages
        lines = list(takewhile(lambda line: line.first_t < end_t and not _is_elsewhere(line), read))
        if lines:
            self._reached_t = max(self._reached_t, lines[-1].last_t)
            new = self._sum_up(line.text for line in lines)
            self.part = new if self.part is None else self._join(self.part, new)
        is_all = len(lines) == len(read) < self._most_lines
        self.span = begin_t + 1, LARGEST if is_all else self._reached_t
        return self.part

    def _digested_t(self) -> int:
        """The last t that needs no reading."""
        after_t = digested_to(self._history.symbol, self._kind)
        rows = Segment.objects.of(self._history.symbol, self._kind).kept()
        newest = rows.filter(start_t__gt=after_t).order_by("-start_t").values_list("start_t", flat=True)
        starts = list(newest[:_MOST_SEGMENTS])
        return starts[-1] - 1 if len(starts) == _MOST_SEGMENTS else after_t


def _is_elsewhere(line: Line) -> bool:
    """Whether a line tells of what cannot be read here yet."""
    return line.is_gap and b'"reason":"elsewhere"' in line.text
