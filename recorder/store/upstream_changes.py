"""Upstream changes: where a market that films another server continues with another recording of that server."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from recorder.models import Market


class Splice(NamedTuple):
    """From the tick `t` on, `source` counts from `from_t`, although it had reached `last_t` before."""

    t: int
    source: str
    from_t: int
    last_t: int

    def __str__(self) -> str:
        again = f"{self.source} counts from t={self.from_t} again, behind t={self.last_t}"
        return f"t={self.t}: {again}; what follows is another recording of it"


def splices_of(market: Market) -> Iterator[Splice]:
    """The splices found in the runs, ascending: a server's t goes back only with another recording.

    A run made of two recordings, as versions without ids could make one, shows nothing: a server that continues as a
    new run of its own looks the same. Raises django.db.Error.
    """
    rows = market.runs.order_by("first_t", "id").only("first_t", "source", "t_shift")
    made = {run.first_t: run for run in rows}  # of two with the same first t the later one made the ticks
    runs, starts = [run for run in made.values() if run.source.startswith("ws")], list(made)
    reached: dict[str, int] = {}
    for run in runs:
        first, last = run.first_t - run.t_shift, reached.get(run.source)
        if last is not None and first <= last:
            yield Splice(run.first_t, run.source, first, last)
        behind = bisect_right(starts, run.first_t)
        if behind < len(starts):
            reached[run.source] = starts[behind] - 1 - run.t_shift
