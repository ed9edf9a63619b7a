"""The rows of a market's runs as a file beside its tapes, for a database that was lost.

Ticks alone do not tell which prices they stand for: docs/segment-format.md, "`runs.json`".
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

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
    lost = [row for row in _rows(directory / _NAME) if (row.first_t, row.start_ts) not in known]
    for row in lost:
        row.market = market
        row.save()
    if lost:
        log.info("%s: %d runs are taken from %s", market, len(lost), directory / _NAME)


def _rows(path: Path) -> list[Run]:
    try:
        return [_row(found) for found in orjson.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s cannot be used: %s", path, error)
        return []


def _row(found: dict[str, Any]) -> Run:
    values = {name: found[name] for name in _COLUMNS}
    if values["ended_at"] is not None:
        values["ended_at"] = datetime.fromisoformat(values["ended_at"])
    return Run(**values)
