"""The film: ticks filmed again, and the match graph of each window measured. Pure: no Django, no clock."""

from __future__ import annotations

from typing import Any, NamedTuple

from camera.errors import OrderError
from camera.window import SlidingWindowCamera
from market.tick import Ints, Tick
from structure.measures import MEASURES, match_pairs, measures_of


class MeasuredFrame(NamedTuple):
    """The measures of the frame of tick `t`, in the order of MEASURES; None where one is undefined."""

    t: int
    ts: float | None
    values: list[float | None]


class Film:
    """Takes ticks in ascending order, and measures the frames that are due.

    `camera` is what the camera of the run was made with. Frames before `from_t` are filmed and not measured: the first
    one that is measured is compared with the one before it. After a gap the window fills first. A tick of another
    writer that lies where it does not belong is passed over.
    """

    def __init__(self, camera: tuple[Any, ...], from_t: int = 0) -> None:
        self._camera, self._from_t = SlidingWindowCamera(*camera), from_t
        self._pairs: Ints | None = None
        self._pairs_t = -1

    def take(self, tick: Tick) -> MeasuredFrame | None:
        """The frame of this tick, if one is due."""
        camera, t = self._camera, tick.t
        try:
            camera.ingest(tick)
        except OrderError:
            return None
        before_t = self._from_t - camera.stride
        if t < max(camera.W, before_t) or t % camera.stride or camera.ticks < camera.W:
            return None
        window = camera.whole_window()
        last = self._pairs if self._pairs_t == t - camera.stride else None
        self._pairs, self._pairs_t = match_pairs(window), t
        if t < self._from_t:
            return None
        found = measures_of(window, last)
        return MeasuredFrame(t, tick.ts, [found[name] for name in MEASURES])


def lead_in_t(first_frame_t: int, window: int, stride: int) -> int:
    """The tick from which a film must begin so that the frame of `first_frame_t` is compared with the one before."""
    return max(0, first_frame_t - stride - window + 1)
