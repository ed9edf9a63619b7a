"""Metrics as columns: what a digest sums up, read from the lines of a tape."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from recorder.digests.digest import METRICS, Digest, Note, Rows
from recorder.segment.layout import GAP_START

#: The series of a metrics digest. The price is kept as the metric has it, so that a digest follows from its segment
#: alone; the range of the run is applied where digests are rolled up.
NAMES = ("price_norm", "N", "avg_exp", "matches_n", "volatility", "liquidity", "imbalance")

_STATE = ("price_norm", "volatility", "liquidity", "imbalance")


def metric_rows(texts: Iterable[bytes]) -> tuple[Rows, list[Note]]:
    """The metrics among the lines of a tape, and its gaps; a value that is no number is none."""
    places: list[tuple[int, Any]] = []
    values: list[list[float]] = []
    gaps: list[tuple[int, int]] = []
    for text in texts:
        message = orjson.loads(text)
        if text.startswith(GAP_START):
            gaps.append((message["from_t"], message["to_t"]))
            continue
        places.append((message["t"], message.get("ts")))
        state = message.get("s")
        inner = state if isinstance(state, dict) else {}
        values.append([_number((inner if name in _STATE else message).get(name)) for name in NAMES])
    t = np.array([t for t, _ in places], np.int64)
    ts = np.array([_number(ts) for _, ts in places])
    rows = Rows(NAMES, t, ts, np.array(values, float).reshape(-1, len(NAMES)).T)
    return rows, [_gap(*gap, t) for gap in gaps]


def metric_digest(segment: str, sha256: str, texts: Iterable[bytes]) -> Digest:
    """The digest of a segment of metrics, from its lines."""
    rows, gaps = metric_rows(texts)
    return Digest(METRICS, segment, sha256, rows.buckets(), gaps)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _gap(from_t: int, to_t: int, t: Any) -> Note:
    """A gap belongs to the message after it, or, at the end of a segment, to the one before."""
    behind = int(np.searchsorted(t, to_t))
    at = int(t[min(behind, t.size - 1)]) if t.size else to_t + 1
    return Note(at, to_t - from_t + 1, {"from_t": from_t, "to_t": to_t})
