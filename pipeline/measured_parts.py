"""The parts of one pipeline, measured: simulator, camera and recorder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from components.cpu_meter import Meter, counted_meter
from components.reporter import RUNNING, MeasuredComponent

SILENT, NOT_RECORDING = "silent", "not_recording"


@dataclass(frozen=True)
class PipelineMeters:
    """A meter a part; each runs while the pipeline is in that part."""

    simulator: Meter = field(default_factory=counted_meter)
    camera: Meter = field(default_factory=counted_meter)
    recorder: Meter = field(default_factory=counted_meter)


def pipeline_parts(
    meters: PipelineMeters,
    *,
    symbol: str,
    is_home: bool,
    silence_seconds: float,
    stopped: Callable[[], bool],
    overdue_ticks: Callable[[], int],
    unpublished: Callable[[], int],
    unwritten_rows: Callable[[], int],
) -> list[MeasuredComponent]:
    """The parts of the market `symbol`; those of another than the home market carry its name."""

    def part(name: str, meter: Meter, queue_size: Callable[[], int], status: Callable[[], str]) -> MeasuredComponent:
        agent_id = name if is_home else f"{name}@{symbol}"
        return MeasuredComponent(agent_id, lambda: meter.cpu_seconds, queue_size, status, symbol=symbol)

    def state_of(meter: Meter) -> Callable[[], str]:
        begun = time.monotonic()
        return lambda: RUNNING if time.monotonic() - (meter.used_at or begun) <= silence_seconds else SILENT

    recorder_state = state_of(meters.recorder)
    return [
        part("simulator", meters.simulator, overdue_ticks, state_of(meters.simulator)),
        part("camera", meters.camera, unpublished, state_of(meters.camera)),
        part("recorder", meters.recorder, unwritten_rows, lambda: NOT_RECORDING if stopped() else recorder_state()),
    ]
