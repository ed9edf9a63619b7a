"""Refilming: the metrics and frames of a run, made again from its recorded ticks."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from camera.frame import frame_json
from camera.metric import metric_of
from market.tick import Tick
from recorder.recovery.run_registry import CAMERA_SETTINGS, camera_of

#: The settings of a run on which metrics and frames depend.
SETTINGS = (*CAMERA_SETTINGS, "cam_metric_downsample")


class RunFacts(NamedTuple):
    """The first t of a run, and the settings with which it was filmed."""

    first_t: int
    settings: dict[str, Any]


class Due(NamedTuple):
    """The messages a tape should hold at a t: one of `texts`, or none if there are none.

    `known` is false if the recorded ticks do not determine it. Messages of this kind come at multiples of `every`.
    """

    texts: tuple[bytes, ...] = ()
    known: bool = True
    every: int = 1


UNKNOWN = Due(known=False)


class Refilm:
    """One run, filmed again. `certain` as long as every tick since the run's first one was on the tape."""

    def __init__(self, run: RunFacts) -> None:
        self._camera = camera_of(run.settings)
        self._metric_every = run.settings["cam_metric_downsample"]
        self._due_t, self._certain = run.first_t, True
        self._begin_t = run.first_t
        self._mid_from: int | None = None

    def take(self, tick: Tick) -> dict[str, Due]:
        """The messages that the next tick should have left on the other tapes, by kind. Raises OrderError."""
        if tick.t != self._due_t:
            self._certain, self._begin_t, self._mid_from = False, tick.t, None
        self._due_t = tick.t + 1
        if self._mid_from is None and (tick.mid is not None or tick.sides.any()):
            self._mid_from = tick.t
        self._camera.ingest(tick)
        return {"metrics": self._metric(tick), "frames": self._frame(tick.t)}

    def _metric(self, tick: Tick) -> Due:
        if tick.t % self._metric_every:
            return Due()
        return Due((orjson.dumps(metric_of(tick)),), every=self._metric_every)

    def _frame(self, t: int) -> Due:
        camera = self._camera
        if t < camera.W or t % camera.stride:
            return Due()
        filmed = camera.filmed
        snapshot = camera.maybe_shoot(t)
        if not self._certain and not self._tells(t - camera.W + 1):
            return UNKNOWN
        if snapshot is None:
            return Due()
        texts = [frame_json(snapshot)]
        if not self._certain and not filmed:
            # The run may have been filmed where the tape has its hole, and its first frame contains events that no
            # other frame has.
            again = camera.maybe_shoot(t)
            assert again is not None
            texts.append(frame_json(again))
        return Due(tuple(texts), every=camera.stride)

    def _tells(self, window_t: int) -> bool:
        """Whether, after a hole, a window that begins with `window_t` is independent of earlier ticks.

        Ticks without a quote use the last mid, which may be older than the window.
        """
        return window_t >= self._begin_t and self._mid_from is not None and self._mid_from <= window_t
