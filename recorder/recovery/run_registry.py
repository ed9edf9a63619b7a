"""Runs: the settings, the first t and the start of each sequence of ticks of a market."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from recorder.models import Market, Run
from recorder.recovery.tape_ends import Ends

#: What a camera is made with, in the order of its arguments.
CAMERA_SETTINGS = ("cam_w", "cam_stride", "cam_prox_eps_pct", "cam_edge_cap", "cam_node_cap")

#: If any of these settings changes, the market continues as another run.
RUN_SETTINGS = (
    "source",
    "seed",
    "adjust_interval",
    "tick_interval",
    *CAMERA_SETTINGS,
    "cam_metric_downsample",
)

#: What a run went by that was recorded before there was such a setting.
_BEFORE_IT_WAS_SET = {"cam_node_cap": 5000}


def completed(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recorded run, with those that the version that recorded it did not have."""
    return {**_BEFORE_IT_WAS_SET, **settings}


def begin_run(
    market: Market,
    *,
    end: Ends,
    start_ts: float,
    tick_interval: float,
    source: str,
    settings: dict[str, Any],
    first_t: int = 0,
    t_shift: int | None = None,
) -> Run:
    """A new run after what is recorded, in an empty store from `first_t` on; market time never goes back.

    `t_shift` is None until its first tick determines it.
    """
    if end.ts is not None:
        start_ts = max(start_ts, round(end.ts + tick_interval, 6))
    if end.t >= 0:
        first_t = end.t + 1
    # A run that was to begin here and never made a tick gives up its row: a checkpoint names its run by its first t.
    empty = market.runs.filter(first_t=first_t, segments=None).order_by("id").last()
    values = {"start_ts": start_ts, "tick_interval": tick_interval, "source": source, "settings": settings}
    values["t_shift"] = t_shift or 0
    return _saved(empty or Run(market=market, first_t=first_t), values)


def continued_run(market: Market, facts: dict[str, Any]) -> Run:
    """The row of a run that continues, created again if the database lost it. `facts` are those of its checkpoint."""
    values = {name: facts[name] for name in ("start_ts", "tick_interval", "source", "settings")}
    if facts["t_shift"] is not None:  # otherwise the row has it, if it is known at all
        values["t_shift"] = facts["t_shift"]
    known = market.runs.filter(first_t=facts["first_t"], start_ts=facts["start_ts"]).order_by("id").last()
    return _saved(known or Run(market=market, first_t=facts["first_t"]), values)


def _saved(run: Run, values: dict[str, Any]) -> Run:
    for name, value in {**values, "ended_at": None}.items():
        setattr(run, name, value)
    run.save()
    return run


def end_run(run: Run, t_shift: int | None) -> None:
    """Note that the run made its last tick, and by how much its source's t was shifted."""
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now(), **({} if t_shift is None else {"t_shift": t_shift}))
