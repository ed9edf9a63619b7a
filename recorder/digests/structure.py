"""The structure of any range of a recording: the measures of its frames, each frame or in buckets of many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from recorder.cold.copies import content_in_bucket
from recorder.cold.layout import place_of
from recorder.digests.digest import FRAMES, BadDigest, Rows
from recorder.digests.digest_files import MOST_FILE_BYTES, digest_in, load_digest
from recorder.digests.overview import exponent_for, short, spread, summed_buckets
from recorder.digests.pyramid import FINEST, Buckets
from recorder.digests.unsummed import unsummed, waiting
from recorder.manifest.row_writer import last_t_in_rows
from recorder.models import Segment
from recorder.recovery.run_registry import run_at
from recorder.spans import Span
from structure.measures import MEASURES

#: Digits of a measure, as many as are recorded of one below 1.
_DIGITS = 6

#: Files that are read for single frames; a longer range is answered from the roll-up.
_MOST_FILES = 40


def structure(
    symbol: str, directory: Path, new: Rows, t0: int | None, t1: int | None, points: int, measures: Sequence[str]
) -> dict[str, Any]:
    """The answer of `/structure`; `new` are the newest frames. Raises OSError, django.db.Error."""
    ends = _ends(symbol, new)
    if ends is None:
        return {"t0": t0, "t1": t1, "bucket": 1 << FINEST, "t": [], "ts": [], **_series(None, measures), "unsummed": []}
    t1 = max(ends[1], t0 or 0) if t1 is None else t1
    t0 = min(ends[0], t1) if t0 is None else t0
    inner_t0, inner_t1 = max(t0, ends[0]), min(t1, ends[1])
    stride = _stride(symbol, inner_t1)
    # Before what is summed up is read: a digest made in between may be in both, but not in neither.
    left = waiting(symbol, FRAMES, t0, t1)
    rows = _frames(symbol, directory, new, inner_t0, inner_t1) if (t1 - t0) // stride < points else None
    if rows is not None and rows.t.size <= points:
        told = unsummed(left, t0, t1, _spans(new, stride), stride)
        return {"t0": t0, "t1": t1, "bucket": stride, **_single(rows, measures), "unsummed": told}
    exponent = exponent_for(t0, t1, points)
    found = _buckets(symbol, new, exponent, inner_t0, inner_t1) if inner_t0 <= inner_t1 else None
    starts = [] if found is None else (found.numbers << exponent).tolist()
    ts = [] if found is None else short(found.ts, 13)
    told = unsummed(left, t0, t1, _spans(new, stride), max(stride, 1 << exponent))
    head = {"t0": t0, "t1": t1, "bucket": 1 << exponent, "t": starts, "ts": ts}
    return {**head, **_series(found, measures), "unsummed": told}


def _spans(new: Rows, stride: int) -> list[Span]:
    """Where the newest frames follow each other; those recorded since they were read are in no span."""
    if not new.t.size:
        return []
    begins = np.flatnonzero(np.diff(new.t) > stride) + 1
    return list(zip(new.t[np.append(0, begins)].tolist(), new.t[np.append(begins, 0) - 1].tolist(), strict=True))


def _ends(symbol: str, new: Rows) -> tuple[int, int] | None:
    """The first and last t for which there may be a frame."""
    rows = Segment.objects.of(symbol, FRAMES)
    oldest = [some.order_by("start_t").first() for some in (rows.filter(digest__gt=0), rows.kept())]
    ends = [row.start_t for row in oldest if row is not None]
    last_t = last_t_in_rows(symbol, FRAMES)
    ends += [] if last_t is None else [last_t]
    ends += [int(new.t[0]), int(new.t[-1])] if new.t.size else []
    return (min(ends), max(ends)) if ends else None


def _stride(symbol: str, t: int) -> int:
    """The distance of frames at a t."""
    run = run_at(symbol, t)
    return 1 if run is None else max(1, int(run.settings.get("cam_stride", 1)))


def _frames(symbol: str, directory: Path, new: Rows, t0: int, t1: int) -> Rows | None:
    """The frames of a range, None if they are in too many files."""
    rows = Segment.objects.of(symbol, FRAMES).filter(digest__gt=0).from_t(t0).filter(start_t__lte=t1)
    columns = rows.order_by("start_t", "name").values_list("name", "cold_digest", "cold_key")
    files = list(columns[: _MOST_FILES + 1])
    if len(files) > _MOST_FILES:
        return None
    parts = [part for file in files if (part := _rows_of(directory, *file)) is not None]
    parts.append(new)
    t = np.concatenate([part.t for part in parts])
    ts = np.concatenate([part.ts for part in parts])
    values = np.concatenate([part.values for part in parts], axis=1)
    t, first = np.unique(t, return_index=True)
    inside = (t >= t0) & (t <= t1)
    chosen = first[inside]
    return Rows(MEASURES, t[inside], ts[chosen], values[:, chosen])


def _rows_of(directory: Path, name: str, version_in_bucket: int, cold_key: str) -> Rows | None:
    """The frames of a digest on the disk, or else in the bucket. Raises OSError."""
    try:
        return load_digest(directory, FRAMES, name).rows
    except (BadDigest, FileNotFoundError) as error:
        if isinstance(error, BadDigest) or not version_in_bucket:
            return None  # `manage.py repair` has it made again
    return _rows_in_bucket(name, cold_key, version_in_bucket)


@lru_cache(maxsize=4 * _MOST_FILES)
def _rows_in_bucket(name: str, cold_key: str, version: int) -> Rows | None:
    """Kept, because it changes with its version alone. Raises OSError."""
    try:
        data = content_in_bucket(place_of(cold_key).digest_key, MOST_FILE_BYTES)
        return None if data is None else digest_in(data, FRAMES, name).rows
    except (BadDigest, FileNotFoundError):
        return None


def _single(rows: Rows, measures: Sequence[str]) -> dict[str, Any]:
    """Each frame: mean, least and greatest are its own value."""
    told: dict[str, Any] = {"t": rows.t.tolist(), "ts": short(rows.ts, 13)}
    for name in measures:
        column = short(rows.values[MEASURES.index(name)], _DIGITS)
        told[name] = {"mean": column, "min": column, "max": column}
    return told


def _series(found: Buckets | None, measures: Sequence[str]) -> dict[str, Any]:
    if found is None:
        return {name: {"mean": [], "min": [], "max": []} for name in measures}
    return {name: spread(found, MEASURES.index(name), _DIGITS) for name in measures}


def _buckets(symbol: str, new: Rows, exponent: int, t0: int, t1: int) -> Buckets | None:
    def after(t: int) -> Buckets:
        fresh = new.t > t
        return Rows(new.names, new.t[fresh], new.ts[fresh], new.values[:, fresh]).buckets()

    return summed_buckets(symbol, FRAMES, after, exponent, t0, t1)
