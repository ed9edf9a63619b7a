"""The CPU time that a pipeline's one thread spends in each of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from components.cpu_meter import Meter, counted_meter


@dataclass(frozen=True)
class PipelineMeters:
    """A meter a part; each runs while the pipeline is in that part."""

    simulator: Meter = field(default_factory=counted_meter)
    camera: Meter = field(default_factory=counted_meter)
    recorder: Meter = field(default_factory=counted_meter)
