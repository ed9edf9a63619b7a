"""The parts of one pipeline, measured: simulator, camera and recorder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from streaming.continuation import Continued
from streaming.pipeline import Tapes
from subscribe.meters import Meter, MeteredFilm, MeteredTapes, MeteredTicks
from subscribe.reporter import RUNNING, Part

SILENT, NOT_RECORDING = "silent", "not_recording"


class PipelineMeters:
    """A meter for each part; `run` and `tapes` are given back with the meters around them."""

    def __init__(self) -> None:
        self.simulator, self.camera, self.recorder = Meter(), Meter(), Meter()
        _in_this_process.append(self)

    def run(self, run: Continued) -> Continued:
        ticks, film = MeteredTicks(run.ticks, self.simulator), MeteredFilm(run.film, self.camera)
        return replace(run, ticks=ticks, film=film)

    def tapes(self, tapes: Tapes) -> MeteredTapes:
        return MeteredTapes(tapes, self.recorder)

    def __iter__(self) -> Iterator[Meter]:
        return iter((self.simulator, self.camera, self.recorder))


#: In the embedded mode these share their process with the web server, whose own time is the rest.
_in_this_process: list[PipelineMeters] = []


def pipeline_cpu_seconds() -> float:
    """CPU seconds that pipelines have spent in this process."""
    return sum(meter.cpu_seconds for meters in _in_this_process for meter in meters)


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
) -> list[Part]:
    """The parts of the market `symbol`; those of another than the home market carry its name."""

    def part(name: str, meter: Meter, queue_size: Callable[[], int], status: Callable[[], str]) -> Part:
        agent_id = name if is_home else f"{name}@{symbol}"
        return Part(agent_id, lambda: meter.cpu_seconds, queue_size, status, symbol=symbol)

    def state_of(meter: Meter) -> Callable[[], str]:
        begun = time.monotonic()
        return lambda: RUNNING if time.monotonic() - (meter.used_at or begun) <= silence_seconds else SILENT

    recorder_state = state_of(meters.recorder)
    return [
        part("simulator", meters.simulator, overdue_ticks, state_of(meters.simulator)),
        part("camera", meters.camera, unpublished, state_of(meters.camera)),
        part("recorder", meters.recorder, unwritten_rows, lambda: NOT_RECORDING if stopped() else recorder_state()),
    ]
