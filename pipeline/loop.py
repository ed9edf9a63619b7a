"""The pipeline: takes ticks from a source, films them, and hands every message to the recording and the group."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from market.tick import Tick
from pipeline.continuation import Continued, Placement
from pipeline.measured_parts import PipelineMeters
from pipeline.pacer import Pacer
from pipeline.told_prices import ToldPrices
from recorder.errors import StoreError
from runtime.supervision import supervisor
from streaming.protocol import Moment

#: How long a market at full speed may be held back, per tick, for a loop that lags far behind.
_ROOM_SECONDS = 1.0

#: How often the web processes are told the figures of this one.
_FIGURES_SECONDS = 1.0

#: The longest the pipeline sleeps before it looks whether waiting lines must reach the disk.
_NAP_SECONDS = 0.25


class Tapes(Protocol):
    """Where messages are kept (`recorder.tape.recording.Recording`)."""

    @property
    def segment_start(self) -> int | None: ...
    @property
    def stopped(self) -> bool: ...
    def holds(self, from_t: int) -> bool: ...
    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None: ...
    def write_gap(self, from_t: int, to_t: int, reason: str) -> None: ...
    def flush_if_due(self) -> None: ...
    def close(self) -> None: ...
    def current_segment(self) -> dict[str, Any] | None: ...


class Outlet(Protocol):
    """Where messages go out (`streaming.group.publisher.Publisher`)."""

    @property
    def waiting(self) -> int: ...
    @property
    def unpublished(self) -> dict[str, int] | None: ...
    def publish(self, message: dict[str, Any]) -> None: ...
    def wait_for_room(self, seconds: float) -> None: ...


class CheckpointSink(Protocol):
    """The store of checkpoints (`pipeline.checkpointer.Checkpointer`)."""

    def after(self, next_t: int, segment_start: int | None) -> None: ...
    def last(self, next_t: int, *, ended: bool) -> None: ...


class Observer(Protocol):
    """Derives values from ticks on the pipeline's thread, and must not delay it.

    The result of `observe` travels with the moment, as `seen[name]` of the group message: plain lists, dicts, numbers
    and texts, or None.
    """

    def observe(self, tick: Tick, moment: Moment) -> Any: ...


class Pipeline:
    """Runs one market on the calling thread until its source ends, `stop` is set, or something fails.

    `now` is a monotonic clock in seconds; `seed`, `store_id` and `price_ranges` are what `/health` reports.
    `ready` waits for the source's next tick, at most the given seconds, and returns whether it has arrived; without it
    the source is asked at once. `quiet` says, while none arrives, whether the source knows that nothing happens.
    `figures(ticks, newest_ts)` measures this process, once a second (`monitoring.market_figures`).
    """

    def __init__(
        self,
        run: Continued,
        placement: Placement,
        *,
        recording: Tapes,
        pacer: Pacer,
        now: Callable[[], float],
        stop: threading.Event,
        checkpoints: CheckpointSink | None = None,
        outlet: Outlet | None = None,
        observers: Mapping[str, Observer] | None = None,
        seed: int = 0,
        store_id: str = "",
        price_ranges: Callable[[], list[tuple[int, float, float]]] = list,
        silence_seconds: float = 10.0,
        ready: Callable[[float], bool] = lambda seconds: True,
        quiet: Callable[[], bool] = lambda: False,
        meters: PipelineMeters | None = None,
        figures: Callable[[int, float | None], dict[str, Any]] | None = None,
    ) -> None:
        self._figures, self._told_figures_at = figures, float("-inf")
        self._newest_ts: float | None = None
        self._ready, self._meters = ready, meters or PipelineMeters()
        self._ticks, self._encoder = run.ticks, run.encoder
        self._placement, self._recording, self._outlet = placement, recording, outlet
        self._observers = dict(observers or {})
        self._pacer, self._now, self._stop, self._checkpoints = pacer, now, stop, checkpoints
        self._seed, self._store_id, self._prices = seed, store_id, ToldPrices(price_ranges)
        self._silence_seconds = silence_seconds
        self._quiet, self._told_quiet_at = quiet, now()
        self.next_t = run.next_t
        self.ticks = 0

    def run(self, most_ticks: int | None = None, on_tick: Callable[[int], None] | None = None) -> None:
        """Make up to `most_ticks` ticks; `on_tick` receives their number. Seals the tapes in any case."""
        try:
            ended = self._make(most_ticks, on_tick)
            self._keep_place(lambda keeper: keeper.last(self.next_t, ended=ended))
        finally:
            try:
                with self._meters.recorder:
                    self._recording.close()
            finally:
                if self._outlet is not None:
                    self._outlet.publish(self._message(None, {}, running=False))

    def _make(self, most_ticks: int | None, on_tick: Callable[[int], None] | None) -> bool:
        """Make ticks; True when the source has no more."""
        while self.ticks != most_ticks:
            if not self._wait():
                return False
            with self._meters.simulator:
                raw = next(self._ticks, None)
            if raw is None:
                return True
            self._take(self._placement.place(raw))
            self._pacer.ticked()
            self.ticks += 1
            if on_tick is not None:
                on_tick(self.ticks)
        return False

    def _wait(self) -> bool:
        """Wait until the next tick is due; False when the pipeline is to stop."""
        if self._pacer.flat_out and self._outlet is not None:
            self._outlet.wait_for_room(_ROOM_SECONDS)
        while (seconds := self._pacer.wait_seconds(self._now())) > 0:
            if self._stop.wait(min(seconds, _NAP_SECONDS)):
                return False
            self._flush_if_due()
        while not self._stop.is_set() and not self._ready(_NAP_SECONDS):
            self._flush_if_due()
            self._tell_quiet()
        return not self._stop.is_set()

    def _flush_if_due(self) -> None:
        with self._meters.recorder:
            self._recording.flush_if_due()

    def _tell_quiet(self) -> None:
        """Send a status without a moment while nothing happens, so that the market is not taken for one that stands."""
        now = self._now()
        if self._outlet is not None and now - self._told_quiet_at >= self._silence_seconds / 3 and self._quiet():
            self._told_quiet_at = now
            self._outlet.publish(self._message(None, {}, running=True))

    def _take(self, tick: Tick) -> None:
        made_at, self._newest_ts = time.time(), tick.ts
        with self._meters.camera:
            moment = self._encoder.encode(tick)
        # The tape comes first: the recording lacks what a client has seen only while it has stopped.
        with self._meters.recorder:
            if tick.t > self.next_t:
                self._recording.write_gap(self.next_t, tick.t - 1, "lost")
            self._recording.write(moment.t, moment.tick, moment.metric, moment.frame)
        self.next_t = moment.t + 1
        seen = {name: self._seen(name, tick, moment) for name in self._observers}
        if self._outlet is not None:
            self._outlet.publish({**self._message(moment, seen, running=True), "made_at": made_at})
        self._keep_place(lambda keeper: keeper.after(self.next_t, self._recording.segment_start))

    def _seen(self, name: str, tick: Tick, moment: Moment) -> Any:
        """The result of an observer for a tick; None if it fails, which does not end the market."""
        with supervisor.guarded(f"observer {name}"):
            return self._observers[name].observe(tick, moment)
        return None

    def _keep_place(self, keep: Callable[[CheckpointSink], None]) -> None:
        """Let a checkpoint be stored, unless the tapes lack ticks that it would follow."""
        if self._checkpoints is None or not self._recording.holds(self.next_t - self._encoder.camera.ticks):
            return
        # StoreError was reported already: the recording has stopped, and a checkpoint has no ticks to follow.
        with supervisor.guarded("checkpoint"), suppress(StoreError):
            keep(self._checkpoints)

    def _message(self, moment: Moment | None, seen: dict[str, Any], *, running: bool) -> dict[str, Any]:
        """The group message: a moment, or none, the observers' results, and the status for `/health`."""
        return {
            "type": "moment",
            "t": None if moment is None else moment.t,
            "tick": None if moment is None else moment.tick,
            "metric": None if moment is None else moment.metric,
            "frame": None if moment is None else moment.frame,
            "seen": seen,
            "figures": self._figures_if_due(),
            "status": {
                "running": running,
                "start_ts": self._placement.start_ts,
                "ticks": self.next_t - self._placement.first_t,
                "seed": self._seed,
                "store": self._store_id,
                **self._prices.at(self._now()),
                "silence_seconds": self._silence_seconds,
                "segment": self._recording.current_segment(),
                "recording": running and not self._recording.stopped,
                "unpublished": None if self._outlet is None else self._outlet.unpublished,
            },
        }

    def _figures_if_due(self) -> dict[str, Any] | None:
        """What is told once a second of this process, None in between; a failure of it costs nothing else."""
        now = self._now()
        if self._figures is None or now - self._told_figures_at < _FIGURES_SECONDS:
            return None
        self._told_figures_at = now
        with supervisor.guarded("figures of the market"):
            return self._figures(self.ticks, self._newest_ts)
        return None
