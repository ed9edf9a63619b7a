"""The digest of a segment of frames: its ticks filmed again and measured, and the events that its frames tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from market.tick import Tick, TickError
from recorder.digests.digest import FRAMES, Digest, Rows
from recorder.digests.film import Film, MeasuredFrame, lead_in_t
from recorder.digests.frame_events import Frame, frames_in
from recorder.models import Run, Segment
from recorder.recovery.run_registry import camera_arguments, run_at
from recorder.store.lock import is_held
from recorder.tape.history import History
from runtime.db_threads import reading
from structure.measures import MEASURES


def frame_digest(row: Segment, directory: Path, texts: Iterable[bytes]) -> Digest:
    """The digest of a segment of frames, whose lines are `texts`. Raises OSError, django.db.Error.

    A frame whose ticks are not all recorded any more has no measures, and its events.
    """
    frames = list(frames_in(texts))
    history = History(row.market.symbol, directory)
    measured = {one.t: one.values for one in film_of(history, run_of(row), frames)}
    none = [math.nan] * len(MEASURES)
    values = [[math.nan if v is None else v for v in measured.get(frame.t, none)] for frame in frames]
    rows = Rows(
        MEASURES,
        np.array([frame.t for frame in frames], np.int64),
        np.array([frame.ts for frame in frames], float),
        np.array(values, float).reshape(-1, len(MEASURES)).T,
    )
    events = [note for frame in frames for note in frame.events]
    return Digest(FRAMES, row.name, row.sha256, rows.buckets(), events, rows)


def run_of(row: Segment) -> Run | None:
    """The run of a segment; of one without a run in its row, the last that began before it."""
    return row.run if row.run is not None else reading(partial(run_at, row.market, row.start_t))


def is_filmable(row: Segment) -> bool:
    """Whether it is known what camera a segment of frames was filmed with: a lost database took its runs with it."""
    run = run_of(row)
    return run is not None and known_camera(run) is not None


def awaits_ticks(row: Segment, directory: Path) -> bool:
    """Whether ticks of a segment of frames are still to be written: a running market flushes them last.

    Raises OSError, django.db.Error.
    """
    lines = History(row.market.symbol, directory).lines("ticks", row.end_t - 1)
    return is_held(directory) and next(iter(lines), None) is None


def known_camera(run: Run) -> tuple[Any, ...] | None:
    """What the camera of a run was made with, None if that is unknown."""
    try:
        return camera_arguments(run.settings)
    except KeyError:
        return None


def film_of(history: History, run: Run | None, frames: list[Frame]) -> Iterator[MeasuredFrame]:
    """The frames of a run that its ticks give from the first of `frames` to the last. Raises OSError."""
    camera = None if run is None else known_camera(run)
    if run is None or camera is None or not frames:
        return
    window, stride = camera[:2]
    first_t, last_t = frames[0].t, frames[-1].t
    begin_t = max(run.first_t, lead_in_t(first_t, window, stride))
    film = Film(camera, first_t)
    for tick in ticks_of(history, begin_t - 1, last_t):
        if (measured := film.take(tick)) is not None:
            yield measured


def ticks_of(history: History, after_t: int, to_t: int | None = None) -> Iterator[Tick]:
    """The ticks of a tape; where one cannot be read, the next follows a gap. Raises OSError."""
    for line in history.lines("ticks", after_t, to_t):
        if not line.is_gap:
            try:
                yield Tick.from_json(line.text)
            except TickError:
                continue
