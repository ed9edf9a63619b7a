"""One pipeline, measured: its parts (simulator, camera and recorder) for reports, and its figures for `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from components.cpu_meter import Meter, counted_meter
from components.reporter import RUNNING, MeasuredComponent, resident_bytes
from monitoring.market_figures import MarketFigures, Timing
from pipeline.checkpointer import Checkpointer
from pipeline.pacer import Pacer
from runtime.measured import Histogram

SILENT, NOT_RECORDING = "silent", "not_recording"


@dataclass(frozen=True)
class PipelineMeters:
    """A meter a part; each runs while the pipeline is in that part."""

    simulator: Meter = field(default_factory=counted_meter)
    camera: Meter = field(default_factory=counted_meter)
    recorder: Meter = field(default_factory=counted_meter)


class MeasuredRecording(Protocol):
    """The tapes (`recorder.tape.recording.Recording`)."""

    @property
    def stopped(self) -> bool: ...
    @property
    def timings(self) -> Mapping[str, tuple[Histogram, Histogram]]: ...


class Waiting(Protocol):
    """A queue of the pipeline, with the number of what waits in it."""

    @property
    def waiting(self) -> int: ...


@dataclass(frozen=True)
class Measured:
    """What is measured of a pipeline. `sets_pace`: its source does, and nothing of the `pacer` counts."""

    recording: MeasuredRecording
    pacer: Pacer
    rows: Waiting
    outlet: Waiting | None
    checkpointer: Checkpointer | None
    sets_pace: bool
    meters: PipelineMeters = field(default_factory=PipelineMeters)

    def overdue_ticks(self) -> int:
        return self.pacer.overdue_ticks(time.monotonic())

    def unpublished(self) -> int:
        return 0 if self.outlet is None else self.outlet.waiting

    def unwritten_rows(self) -> int:
        return self.rows.waiting

    def late_seconds(self, newest_ts: float | None) -> float | None:
        """How far a tick of this ts, which has just been made, lags its clock; None if nothing is ever due."""
        if not self.sets_pace:
            return self.pacer.late_seconds(time.monotonic())
        return None if newest_ts is None else max(0.0, time.time() - newest_ts)

    def figures(self, ticks: int, newest_ts: float | None) -> dict[str, Any]:
        """The figures for the group message, after `ticks` ticks."""
        meters, checkpoints = self.meters, self.checkpointer
        told = MarketFigures(
            ticks=ticks,
            late_seconds=self.late_seconds(newest_ts),
            checkpoint_age_seconds=None if checkpoints is None else checkpoints.age_seconds,
            overdue_ticks=self.overdue_ticks(),
            unpublished=self.unpublished(),
            unwritten_rows=self.unwritten_rows(),
            memory_bytes=resident_bytes(),
            cpu_seconds={name: getattr(meters, name).cpu_seconds for name in ("simulator", "camera", "recorder")},
            flushes={kind: Timing.of(one) for kind, (one, _) in self.recording.timings.items()},
            seals={kind: Timing.of(one) for kind, (_, one) in self.recording.timings.items()},
        )
        return told.message()


def pipeline_parts(
    measured: Measured, *, symbol: str, is_home: bool, silence_seconds: float
) -> list[MeasuredComponent]:
    """The parts of the market `symbol`; those of another than the home market carry its name."""
    meters, recording = measured.meters, measured.recording

    def part(name: str, meter: Meter, queue_size: Callable[[], int], status: Callable[[], str]) -> MeasuredComponent:
        agent_id = name if is_home else f"{name}@{symbol}"
        return MeasuredComponent(agent_id, lambda: meter.cpu_seconds, queue_size, status, symbol=symbol)

    def state_of(meter: Meter) -> Callable[[], str]:
        begun = time.monotonic()
        return lambda: RUNNING if time.monotonic() - (meter.used_at or begun) <= silence_seconds else SILENT

    recorder_state = state_of(meters.recorder)

    def recorded() -> str:
        return NOT_RECORDING if recording.stopped else recorder_state()

    return [
        part("simulator", meters.simulator, measured.overdue_ticks, state_of(meters.simulator)),
        part("camera", meters.camera, measured.unpublished, state_of(meters.camera)),
        part("recorder", meters.recorder, measured.unwritten_rows, recorded),
    ]
