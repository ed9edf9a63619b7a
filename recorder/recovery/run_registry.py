"""Runs: the settings, the first t and the start of each sequence of ticks of a market."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone

from camera.window import SlidingWindowCamera
from market.price_range import MODEL_RANGE, PriceRange, PriceRanges
from recorder.models import Market, Run, market_key
from recorder.recovery.tape_ends import Ends

log = logging.getLogger(__name__)

#: What a camera is made with, in the order of its arguments.
CAMERA_SETTINGS = (
    "cam_w",
    "cam_stride",
    "cam_prox_eps_pct",
    "cam_edge_cap",
    "cam_node_cap",
    "cam_edge_order",
    "cam_type_share",
)

#: If any of these settings changes, the market continues as another run.
RUN_SETTINGS = (
    "source",
    "seed",
    "adjust_interval",
    "tick_interval",
    *CAMERA_SETTINGS,
    "cam_metric_downsample",
)

#: What a run went by that was recorded before there was such a setting. Frames without an order of edges to choose did
#: not tell of their whole window either.
_BEFORE_IT_WAS_SET = {"cam_node_cap": 5000, "cam_edge_order": None, "cam_type_share": 0.0}

#: Settings that a run recorded before them goes on without, whatever they are now: they take effect with the next run.
_WITH_THE_NEXT_RUN = {
    "cam_edge_order": "edges by id, no counts of the whole window; IG_CAM_EDGE_ORDER takes effect with the next run",
    "cam_type_share": "no share of the edges for each type; IG_CAM_TYPE_SHARE takes effect with the next run",
}


def completed(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recorded run, with those that the version that recorded it did not have."""
    return {**_BEFORE_IT_WAS_SET, **settings}


def run_at(market: Market | str, t: int) -> Run | None:
    """The run of a t: the last one begun by then. Raises django.db.Error."""
    begun = Run.objects.filter(market_id=market_key(market), first_t__lte=t)
    return begun.order_by("first_t", "id").last()


def camera_arguments(settings: dict[str, Any]) -> tuple[Any, ...]:
    """What the camera of a recorded run was made with. Raises KeyError if the settings do not tell."""
    known = completed(settings)
    return tuple(known[name] for name in CAMERA_SETTINGS)


def camera_of(settings: dict[str, Any]) -> SlidingWindowCamera:
    """A camera that films as the run of these settings is filmed."""
    return SlidingWindowCamera(*camera_arguments(settings))


def goes_on(recorded: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Whether a recorded run goes on under these settings.

    One that began before some of them does so, and is filmed as it was: else an update would end the run of every
    market, and a model would begin anew.
    """
    unknown = {name: _BEFORE_IT_WAS_SET[name] for name in _WITH_THE_NEXT_RUN if name not in recorded}
    return completed(recorded) == settings | unknown


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

    `t_shift` is None until its first tick determines it. The price range is None until then.
    """
    if end.ts is not None:
        start_ts = max(start_ts, round(end.ts + tick_interval, 6))
    if end.t >= 0:
        first_t = end.t + 1
    # A run that was to begin here and never made a tick gives up its row: a checkpoint names its run by its first t.
    # Its segments have at most gap lines, of what was lost before it.
    empty = market.runs.filter(first_t=first_t).exclude(segments__end_t__gte=first_t).order_by("id").last()
    values = {"start_ts": start_ts, "tick_interval": tick_interval, "source": source, "settings": settings}
    values["t_shift"] = t_shift or 0
    return _saved(empty or Run(market=market, first_t=first_t), values | price_columns(None))


def continued_run(market: Market, facts: dict[str, Any]) -> Run:
    """The row of a run that continues, created again if the database lost it. `facts` are those of its checkpoint."""
    as_before = next((words for name, words in _WITH_THE_NEXT_RUN.items() if name not in facts["settings"]), None)
    if as_before is not None:
        log.info(
            "%s: the run from t=%d is filmed as it was before this version: %s", market, facts["first_t"], as_before
        )
    prices = price_range_in(facts)
    values = {name: facts[name] for name in ("start_ts", "tick_interval", "source", "settings")}
    if facts["t_shift"] is not None:  # otherwise the row has it, if it is known at all
        values["t_shift"] = facts["t_shift"]
    if prices is not None:
        values |= price_columns(prices)
    known = market.runs.filter(first_t=facts["first_t"], start_ts=facts["start_ts"]).order_by("id").last()
    return _saved(known or Run(market=market, first_t=facts["first_t"]), values)


def _saved(run: Run, values: dict[str, Any]) -> Run:
    for name, value in {**values, "ended_at": None}.items():
        setattr(run, name, value)
    run.save()
    return run


def end_run(run: Run, shown: dict[str, Any]) -> None:
    """Note that the run made its last tick, and the columns that its ticks showed."""
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now(), **shown)


def price_range_in(facts: dict[str, Any]) -> PriceRange | None:
    """The price range in the facts of a checkpoint, None while it is unknown; those of older versions have none."""
    found = facts.get("price_range", (MODEL_RANGE.low, MODEL_RANGE.high))
    return None if found is None else PriceRange(*found)


def price_columns(price_range: PriceRange | None) -> dict[str, float | None]:
    """The columns of a run's row that hold its price range."""
    low, high = (None, None) if price_range is None else (price_range.low, price_range.high)
    return {"price_low": low, "price_high": high}


def unpriced_from(market: Market | str) -> float:
    """The first t of the newest run while its row has no price range yet, else infinity. Raises django.db.Error.

    A run that has ended gets none any more: one that was adopted from a store that does not tell its prices, for
    instance.
    """
    runs = Run.objects.filter(market_id=market_key(market)).order_by("first_t", "id")
    newest = runs.only("first_t", "price_low", "ended_at").last()
    is_waiting = newest is not None and newest.price_low is None and newest.ended_at is None
    return newest.first_t if newest is not None and is_waiting else math.inf


def price_ranges(
    market: Market | str, under_way: tuple[int, Callable[[], PriceRange | None]] | None = None
) -> PriceRanges:
    """The price ranges of a market's runs, by their rows; `under_way` is that of the run which makes ticks now.

    Raises django.db.Error.
    """
    known = Run.objects.filter(market_id=market_key(market), price_low__isnull=False).order_by("first_t", "id")
    rows: Iterable[tuple[int, float, float]] = known.values_list("first_t", "price_low", "price_high")  # type: ignore[assignment]
    return PriceRanges(((first_t, PriceRange(low, high)) for first_t, low, high in rows), under_way)
