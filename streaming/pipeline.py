"""The pipeline: takes ticks from a source, films them, and hands every message to the recording and the group."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from camera.metric import metric_of
from camera.window import SlidingWindowCamera
from market.tick import Tick
from streaming.pacer import Pacer
from streaming.protocol import Moment

#: How long a flat-out market may be held back, a tick, for a loop that is far behind.
_ROOM_SECONDS = 1.0

#: The longest the pipeline sleeps before it looks whether waiting lines must reach the disk.
_NAP_SECONDS = 0.25


class Tapes(Protocol):
    """Where messages are kept (`recorder.recording.Recording`)."""

    def write(self, t: int, tick: bytes, metric: bytes | None, frame: bytes | None) -> None: ...
    def write_gap(self, from_t: int, to_t: int, reason: str) -> None: ...
    def flush_if_due(self) -> None: ...
    def close(self) -> None: ...
    def current_segment(self) -> dict[str, Any] | None: ...


class Outlet(Protocol):
    """Where messages go out (`streaming.publisher.Publisher`)."""

    def publish(self, message: dict[str, Any]) -> None: ...
    def wait_for_room(self, seconds: float) -> None: ...


@dataclass
class Placement:
    """Where a source's ticks stand in the market's store: t and ts of each.

    The first tick of the run gets `first_t`, and all others keep their distance to it. `ts` is the tick's own, or
    else counted from `start_ts` in steps of `interval` seconds (CONTRACT, "Messages").
    """

    first_t: int
    start_ts: float
    interval: float
    t_shift: int | None = None

    def place(self, tick: Tick) -> Tick:
        if self.t_shift is None:
            self.t_shift = self.first_t - tick.t
        t = tick.t + self.t_shift
        ts = tick.ts
        if ts is None:
            ts = round(self.start_ts + (t - self.first_t) * self.interval, 6)
        return tick.placed(t, ts)


class Pipeline:
    """Runs one market on the calling thread until its source ends, `stop` is set, or something fails.

    `now` is a monotonic clock in seconds; `seed` is what `/health` reports.
    """

    def __init__(
        self,
        *,
        source: Iterable[Tick],
        placement: Placement,
        camera: SlidingWindowCamera,
        metric_every: int,
        recording: Tapes,
        pacer: Pacer,
        now: Callable[[], float],
        stop: threading.Event,
        outlet: Outlet | None = None,
        seed: int = 0,
        flat_out: bool = False,
        silence_seconds: float = 10.0,
    ) -> None:
        self._source, self._placement, self._camera = source, placement, camera
        self._metric_every, self._recording, self._outlet = metric_every, recording, outlet
        self._pacer, self._now, self._stop = pacer, now, stop
        self._seed, self._flat_out, self._silence_seconds = seed, flat_out, silence_seconds
        self.last_t: int | None = None
        self.ticks = 0

    def run(self, most_ticks: int | None = None, on_tick: Callable[[int], None] | None = None) -> None:
        """Make up to `most_ticks` ticks; `on_tick` is told how many there are. Seals the tapes whatever happens."""
        try:
            for tick in self._source:
                if most_ticks is not None and self.ticks >= most_ticks or not self._wait():
                    break
                self._film(tick)
                self._pacer.ticked()
                self.ticks += 1
                if on_tick is not None:
                    on_tick(self.ticks)
                if self.ticks == most_ticks:
                    break
        finally:
            self._recording.close()
            if self._outlet is not None:
                self._outlet.publish(self._message(None, running=False))

    def _wait(self) -> bool:
        """Wait until the next tick is due; False when the pipeline is to stop."""
        if self._flat_out and self._outlet is not None:
            self._outlet.wait_for_room(_ROOM_SECONDS)
        while (seconds := self._pacer.wait_seconds(self._now())) > 0:
            if self._stop.wait(min(seconds, _NAP_SECONDS)):
                return False
            self._recording.flush_if_due()
        return not self._stop.is_set()

    def _film(self, raw: Tick) -> None:
        tick = self._placement.place(raw)
        t = tick.t
        if self.last_t is not None and t > self.last_t + 1:
            self._recording.write_gap(self.last_t + 1, t - 1, "lost")
        self._camera.ingest(tick)
        frame = self._camera.maybe_build_frame(t)
        moment = Moment(
            t,
            tick=tick.to_json(),
            metric=orjson.dumps(metric_of(tick)) if t % self._metric_every == 0 else None,
            frame=None if frame is None else orjson.dumps(frame),
        )
        # First to the tape: what a client has seen is never missing from the recording.
        self._recording.write(t, moment.tick, moment.metric, moment.frame)
        self.last_t = t
        if self._outlet is not None:
            self._outlet.publish(self._message(moment, running=True))

    def _message(self, moment: Moment | None, *, running: bool) -> dict[str, Any]:
        """The group message: a moment, or none, and the status that `/health` tells from."""
        return {
            "type": "moment",
            "t": None if moment is None else moment.t,
            "tick": None if moment is None else moment.tick,
            "metric": None if moment is None else moment.metric,
            "frame": None if moment is None else moment.frame,
            "status": {
                "running": running,
                "start_ts": self._placement.start_ts,
                "ticks": 0 if self.last_t is None else self.last_t - self._placement.first_t + 1,
                "seed": self._seed,
                "silence_seconds": self._silence_seconds,
                "segment": self._recording.current_segment(),
            },
        }
