"""Whole stores for the recorder's tests: files and rows as a pipeline leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from camera.frame import frame_json
from camera.metric import metric_of
from market.model.simulator import Simulator
from market.price_range import MODEL_RANGE, PriceRange
from recorder.manifest.row_writer import save_facts
from recorder.models import Market, Run
from recorder.recovery.run_registry import camera_of, price_columns
from recorder.segment.layout import KINDS, SegmentFacts
from recorder.tape.recording import Recording
from tests.recorder.tape import NOON, Clock, moment

#: A camera that films often, so that short tapes hold frames.
CAMERA = {
    "cam_w": 20,
    "cam_stride": 5,
    "cam_prox_eps_pct": 0.003,
    "cam_edge_cap": 2000,
    "cam_node_cap": 5000,
    "cam_edge_order": "mixed",
    "cam_metric_downsample": 2,
}


class Store:
    """A market's store: each `record` makes one segment of each kind, from where the last one ended."""

    def __init__(self, market: Market, directory: Path, *, seed: int = 0, clock: Clock | None = None) -> None:
        self.market, self.directory = market, directory
        self.clock = clock or Clock(NOON)
        self.next_t = 0
        self.begin_run(seed)

    def begin_run(self, seed: int = 0, prices: PriceRange | None = MODEL_RANGE, **settings: Any) -> Run:
        """From here on with another market and a camera that has seen nothing; the prices of None are not known yet."""
        self.simulator = Simulator(seed, agents=6)
        self._first_t = self.next_t
        camera = CAMERA | settings
        self._camera = camera_of(camera)
        self._metric_every = camera["cam_metric_downsample"]
        self.run = Run.objects.create(
            market=self.market,
            first_t=self.next_t,
            start_ts=NOON,
            tick_interval=0.1,
            source="simulator",
            settings={"source": "simulator", "seed": seed, **camera},
            **price_columns(prices),
        )
        return self.run

    def recording(self) -> Recording:
        return Recording(
            self.directory, segment_seconds=300, level=3, flush_seconds=1, clock=self.clock, on_change=self._save
        )

    def record(self, ticks: int, *, gap: int = 0) -> None:
        """So many ticks more, filmed; `gap` ticks before them are lost and told."""
        recording = self.recording()
        if gap:
            recording.write_gap(self.next_t, self.next_t + gap - 1, "lost")
            self.next_t += gap
        for t in range(self.next_t, self.next_t + ticks):
            tick = self.simulator.step().placed(t, round(NOON + t / 10, 6))
            self._camera.ingest(tick)
            snapshot = self._camera.maybe_shoot(t)
            metric = orjson.dumps(metric_of(tick)) if t % self._metric_every == 0 else None
            recording.write(t, tick.to_json(), metric, None if snapshot is None else frame_json(snapshot))
        self.next_t += ticks
        recording.close()
        self.clock.now += 300

    def paths(self, kind: str) -> list[Path]:
        return sorted(
            (self.directory / kind).glob("segment_*"), key=lambda path: int(path.name.split("_")[3].split(".")[0])
        )

    def _save(self, facts: SegmentFacts) -> None:
        save_facts(self.market, self.run, facts)


def record_plainly(market: Market, directory: Path, segments: int, ticks: int = 10, first_t: int = 0) -> None:
    """Segments of made-up messages of every kind, with rows, sealed 300 s apart."""
    clock = Clock(NOON)
    for number in range(segments):
        recording = Recording(
            directory, segment_seconds=300, level=3, flush_seconds=1, clock=clock,
            on_change=lambda facts: save_facts(market, None, facts),
        )  # fmt: skip
        for t in range(first_t + number * ticks, first_t + (number + 1) * ticks):
            recording.write(t, *moment(t))
        clock.now += 300
        recording.close()


def files(directory: Path) -> list[str]:
    """What lies in a store, by kind and name."""
    return sorted(f"{kind}/{path.name}" for kind in KINDS for path in (directory / kind).glob("segment_*"))
