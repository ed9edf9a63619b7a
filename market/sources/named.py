"""The source that a setting names."""

from __future__ import annotations

from market.model.simulator import Simulator
from market.sources.simulated import SimulatorSource
from market.sources.source import Source, SourceError
from market.sources.tape_file import FileSource
from market.sources.upstream import UpstreamSource
from market.timestamps import DAY_SECONDS


def source_from(text: str, *, seed: int, adjust_interval: int, most_step_seconds: float = DAY_SECONDS) -> Source:
    """The source that a setting names: `simulator`, `file:PATH` or `ws://…`. Raises SourceError for any other.

    `most_step_seconds` is for the ts of a file.
    """
    kind, _, path = text.partition(":")
    if text == "simulator":
        return SimulatorSource(Simulator(seed, adjust_interval))
    if kind == "file" and path:
        return FileSource(path, most_step_seconds)
    if kind in ("ws", "wss"):
        return UpstreamSource(text)
    raise SourceError(f"source must be one of simulator, file:PATH, ws://…; got {text!r}")
