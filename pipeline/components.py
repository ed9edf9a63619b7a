"""The parts of one pipeline, measured: simulator, camera and recorder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from components.cpu_meter import Meter, counted_meter
from components.reporter import RUNNING, MeasuredComponent
from pipeline.continuation import Continued
from pipeline.loop import Tapes
from pipeline.meters import MeteredEncoder, MeteredTapes, MeteredTicks

SILENT, NOT_RECORDING = "silent", "not_recording"


class PipelineMeters:
    """A meter for each part; `run` and `tapes` are given back with the meters around them."""

    def __init__(self) -> None:
        self.simulator, self.camera, self.recorder = counted_meter(), counted_meter(), counted_meter()

    def run(self, run: Continued) -> Continued:
        ticks, encoder = MeteredTicks(run.ticks, self.simulator), MeteredEncoder(run.encoder, self.camera)
        return replace(run, ticks=ticks, encoder=encoder)

    def tapes(self, tapes: Tapes) -> MeteredTapes:
        return MeteredTapes(tapes, self.recorder)


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
