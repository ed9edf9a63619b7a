"""The metric: one tick in seven numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from market.tick import Tick


def metric_of(tick: Tick) -> dict[str, Any]:
    """The metric message of a tick; `avg_exp` is rounded to 6 decimals and 0.0 with no agents."""
    agents = tick.agent_ids.size
    message: dict[str, Any] = {"type": "metric", "t": tick.t}
    if tick.ts is not None:
        message["ts"] = tick.ts
    message["s"] = tick.state()
    message["N"] = agents
    message["avg_exp"] = round(float(np.add.reduce(tick.experience)) / agents, 6) if agents else 0.0
    message["matches_n"] = tick.match_a.size
    return message
