"""The simulator as a source."""

from __future__ import annotations

from collections.abc import Iterator

from market.model.simulator import Simulator
from market.sources.source import Source
from market.tick import Tick


class SimulatorSource(Source):
    """The ticks of a simulator, without end, from its present state on."""

    name = "simulator"
    replayable = True
    head_start = True

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator

    def __iter__(self) -> Iterator[Tick]:
        while True:
            yield self.simulator.step()

    def checkpoint(self) -> str:
        return self.simulator.checkpoint().decode()

    def restore(self, checkpoint: str) -> None:
        self.simulator.restore(checkpoint.encode())
