"""Meters around the parts of a pipeline: the CPU time that its one thread spends in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.cpu_meter import Meter
from market.tick import Tick
from pipeline.encode_tick import TickEncoder
from pipeline.loop import Tapes
from streaming.protocol import Moment


class MeteredTicks(Iterator[Tick]):
    """A source's ticks; the meter runs while one is made."""

    def __init__(self, ticks: Iterator[Tick], meter: Meter) -> None:
        self._ticks, self._meter = ticks, meter

    def __next__(self) -> Tick:
        with self._meter:
            return next(self._ticks)


class MeteredEncoder(TickEncoder):
    """A film; the meter runs while a tick is filmed and encoded."""

    def __init__(self, encoder: TickEncoder, meter: Meter) -> None:
        self.camera = encoder.camera
        self._encoder, self._meter = encoder, meter

    def encode(self, tick: Tick) -> Moment:
        with self._meter:
            return self._encoder.encode(tick)


class MeteredTapes:
    """Tapes; the meter runs while they are written, flushed and sealed."""

    def __init__(self, tapes: Tapes, meter: Meter) -> None:
        self._tapes, self._meter = tapes, meter

    @property
    def segment_start(self) -> int | None:
        return self._tapes.segment_start

    @property
    def stopped(self) -> bool:
        return self._tapes.stopped

    def holds(self, from_t: int) -> bool:
        return self._tapes.holds(from_t)

    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None:
        with self._meter:
            self._tapes.write(t, tick, metric, frame)

    def write_gap(self, from_t: int, to_t: int, reason: str) -> None:
        with self._meter:
            self._tapes.write_gap(from_t, to_t, reason)

    def flush_if_due(self) -> None:
        with self._meter:
            self._tapes.flush_if_due()

    def close(self) -> None:
        with self._meter:
            self._tapes.close()

    def current_segment(self) -> dict[str, Any] | None:
        return self._tapes.current_segment()
