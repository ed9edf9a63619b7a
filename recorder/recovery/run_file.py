"""The rows of a market's runs as a file beside its tapes, for a database that was lost.

Ticks alone do not tell which prices they stand for: docs/segment-format.md, "`runs.json`".
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import orjson
from django.core.exceptions import ValidationError

from market.price_range import PriceRange
from market.tick import MarketError
from recorder.models import Market, Run
from recorder.segment.segment_file import sync_directory

log = logging.getLogger(__name__)

_NAME = "runs.json"
_COLUMNS = (
    *("first_t", "start_ts", "tick_interval", "t_shift", "price_low", "price_high"),
    *("source", "settings", "ended_at"),
)


def keep_runs(market: Market, directory: Path) -> None:
    """Write the rows, whole or not at all; a disk that does not take them is logged. Raises django.db.Error."""
    body = orjson.dumps(list(market.runs.order_by("first_t", "id").values(*_COLUMNS)), option=orjson.OPT_INDENT_2)
    path = directory / _NAME
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            file.write(body + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_directory(directory)
    except OSError as error:
        log.warning("%s is not written: %s", path, error)


def restore_runs(market: Market, directory: Path) -> None:
    """Make the rows again that the file has and the database lacks. Raises django.db.Error."""
    known = set(market.runs.values_list("first_t", "start_ts"))
    lost = [row for row in kept_runs(directory) if (row.first_t, row.start_ts) not in known]
    for row in lost:
        row.market = market
        row.save()
    if lost:
        log.info("%s: %d runs are taken from %s", market, len(lost), directory / _NAME)


def kept_runs(directory: Path) -> list[Run]:
    """The runs in the file, in their order and of no market; none where it is not there, or cannot be used."""
    path = directory / _NAME
    try:
        return [_row(found) for found in orjson.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, ValidationError, MarketError) as error:
        log.warning("%s cannot be used: %s", path, error)
        return []


def _row(found: dict[str, Any]) -> Run:
    fields = [field for field in Run._meta.concrete_fields if field.name in _COLUMNS]
    run = Run(**{field.name: field.to_python(found[field.name]) for field in fields})
    empty = [field.name for field in fields if getattr(run, field.name) is None and not field.null]
    if empty:
        raise ValueError(f"a run has no {empty[0]}")
    if run.price_low is not None or run.price_high is not None:
        PriceRange(run.price_low, run.price_high)  # type: ignore[arg-type]
    return run
