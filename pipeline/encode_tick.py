"""Encodes a tick: the camera takes it in, and all messages of its moment are serialised, once."""

from __future__ import annotations

import orjson

from camera.frame import frame_json
from camera.metric import metric_of
from camera.window import SlidingWindowCamera
from market.tick import Tick
from streaming.protocol import Moment


class TickEncoder:
    """The camera and the metrics: one for every `metric_every`-th tick."""

    def __init__(self, camera: SlidingWindowCamera, metric_every: int) -> None:
        self.camera, self._metric_every = camera, metric_every

    def encode(self, tick: Tick) -> Moment:
        """The messages of the next tick, placed in time."""
        self.camera.ingest(tick)
        snapshot = self.camera.maybe_shoot(tick.t)
        return Moment(
            tick.t,
            tick=tick.to_json(),
            metric=orjson.dumps(metric_of(tick)) if tick.t % self._metric_every == 0 else None,
            frame=None if snapshot is None else frame_json(snapshot),
        )
