"""The live film: the newest frames, measured while somebody looks at them and before any digest holds them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np

from recorder.digests.digest import FRAMES, Rows
from recorder.digests.film import Film, MeasuredFrame, lead_in_t
from recorder.digests.frame_digest import known_camera, ticks_of
from recorder.digests.roll_up import digested_to
from recorder.manifest.row_writer import last_t_in_rows
from recorder.models import Run
from recorder.recovery.run_registry import run_at
from recorder.tape.history import History
from runtime.db_threads import reading
from structure.measures import MEASURES

#: What one step does at most, since it shares an interpreter with the stream; seconds of this thread's own work, so
#: that a busy machine does not leave frames out.
_MOST_FRAMES = 20
_MOST_SECONDS = 0.1

#: How many frames back the film begins, and how far behind it may fall before it leaves some out.
_FIRST_FRAMES, _LATE_FRAMES = 120, 150

_MOST_KEPT = 5000


class LiveFilm:
    """Measures the frames of a recording as they come, a bounded number at each step; for one thread at a time.

    Where the market is faster than that, frames are left out until their digest is there.
    """

    def __init__(self, history: History, clock: Callable[[], float] = time.thread_time) -> None:
        self._history, self._clock = history, clock
        self._film: Film | None = None
        self._run: tuple[int, int] | None = None
        self._reached_t = -1
        self._frames: deque[MeasuredFrame] = deque(maxlen=_MOST_KEPT)

    def step(self) -> Rows:
        """Measure what is new; returns the frames after the last digest. Raises OSError, django.db.Error."""
        run, newest_t, digested_t = reading(partial(_standing, self._history.symbol))
        if run is not None and newest_t is not None:
            self._go_on(run, newest_t, digested_t + 1)
        while self._frames and self._frames[0].t <= digested_t:
            self._frames.popleft()
        return _rows(list(self._frames))

    def _go_on(self, run: Run, newest_t: int, least_t: int) -> None:
        camera = known_camera(run)
        if camera is None:
            return
        window, stride = camera[:2]
        if self._film is None or self._run != (run.pk, run.first_t):
            self._begin(run, camera, max(least_t, newest_t - _FIRST_FRAMES * stride + 1))
        elif newest_t - self._reached_t > _LATE_FRAMES * stride + window:
            self._begin(run, camera, max(least_t, newest_t - _MOST_FRAMES * stride + 1))
        self._measure(window + (_MOST_FRAMES + 1) * stride, newest_t)

    def _begin(self, run: Run, camera: tuple[int, ...], from_t: int) -> None:
        """Measure the frames from here on."""
        self._film, self._run = Film(camera, from_t), (run.pk, run.first_t)
        self._reached_t = max(run.first_t, lead_in_t(from_t, *camera[:2])) - 1

    def _measure(self, most_ticks: int, newest_t: int) -> None:
        """Take in ticks to the newest of the run: what lies behind may be of another, whose rows are still to come."""
        assert self._film is not None
        end, measured = self._clock() + _MOST_SECONDS, 0
        for tick in islice(ticks_of(self._history, self._reached_t, newest_t), most_ticks):
            self._reached_t = max(self._reached_t, tick.t)
            frame = self._film.take(tick)
            if frame is not None and (not self._frames or frame.t > self._frames[-1].t):
                self._frames.append(frame)
                measured += 1
            if measured == _MOST_FRAMES or self._clock() >= end:
                return


def _standing(symbol: str) -> tuple[Run | None, int | None, int]:
    """The newest run, the newest t, and the last t of a digest of frames."""
    newest_t = last_t_in_rows(symbol)
    run = None if newest_t is None else run_at(symbol, newest_t)
    return run, newest_t, digested_to(symbol, FRAMES)


def _rows(frames: list[MeasuredFrame]) -> Rows:
    """Frames as columns."""
    values = np.array([frame.values for frame in frames], float).reshape(-1, len(MEASURES)).T
    ts = np.array([frame.ts for frame in frames], float)
    return Rows(MEASURES, np.array([frame.t for frame in frames], np.int64), ts, values)
