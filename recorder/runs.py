"""Runs: under which settings, from which t and since when a market's ticks are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson
from django.utils import timezone

from recorder.models import Market, Run
from recorder.reader import last_line
from recorder.reconcile import last_t


class Position(NamedTuple):
    """Where a recording ends: its last t, and the market time of the last tick (None where that is unknown)."""

    t: int
    ts: float | None


def end_of(market: Market, directory: Path) -> Position | None:
    """Where a market's recording ends, by files and rows; None when it is empty."""
    t = last_t(market, directory)
    if t is None:
        return None
    line = last_line(directory, "ticks")
    return Position(t, None if line is None else orjson.loads(line.text).get("ts"))


def begin_run(
    market: Market,
    *,
    end: Position | None,
    start_ts: float,
    tick_interval: float,
    source: str,
    settings: dict[str, Any],
    first_t: int = 0,
) -> Run:
    """A new run behind what is recorded, in an empty store from `first_t` on; market time never goes back."""
    if end is not None and end.ts is not None:
        start_ts = max(start_ts, round(end.ts + tick_interval, 6))
    if end is not None:
        first_t = end.t + 1
    # One that was to begin here and never made a tick leaves this its row: a checkpoint names its run by its first t.
    empty = market.runs.filter(first_t=first_t, segments=None).order_by("id").last()
    values = {"start_ts": start_ts, "tick_interval": tick_interval, "source": source, "settings": settings}
    return _saved(empty or Run(market=market, first_t=first_t), values)


def continued_run(market: Market, facts: dict[str, Any]) -> Run:
    """The row of a run that goes on, made anew where the database lost it. `facts` are those of its checkpoint."""
    names = ("start_ts", "tick_interval", "source", "settings")
    values = {name: facts[name] for name in names} | {"t_shift": facts["t_shift"] or 0}
    known = market.runs.filter(first_t=facts["first_t"], start_ts=facts["start_ts"]).order_by("id").last()
    return _saved(known or Run(market=market, first_t=facts["first_t"]), values)


def _saved(run: Run, values: dict[str, Any]) -> Run:
    for name, value in {"t_shift": 0, **values, "ended_at": None}.items():
        setattr(run, name, value)
    run.save()
    return run


def end_run(run: Run, t_shift: int | None) -> None:
    """Note that the run made its last tick, and by how much its source's t was shifted."""
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now(), t_shift=t_shift or 0)
