"""Experience in a market of trades: it grows with an agent's number of trades."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson

from market.tick import POOL, Floats, Ints, Tick

#: By number of trades. Rounded, since machines differ in the last digit of exp; behind the last one it is 1.
_EXPERIENCE: Floats = np.array([round(1.0 - math.exp(-n / 100), 12) for n in range(2_900)])

#: The name of the counts in checkpoints, wherever in them a source has them.
TRADE_COUNTS = "trade_counts"


class TradeCounts:
    """The number of trades of each agent so far."""

    def __init__(self, counts: list[int] | None = None) -> None:
        self._counts: Ints = np.array(counts or [], np.int64)

    def add(self, ids: Ints, trades: Ints) -> Floats:
        """Count trades of these agents, each named once; their experience then: 1 - exp(-n/100)."""
        if ids.size:
            self._reach(int(ids.max()) + 1)
        self._counts[ids] += trades
        return _EXPERIENCE[np.minimum(self._counts[ids], _EXPERIENCE.size - 1)]

    def note(self, tick: Tick) -> None:
        """Count the trades of a recorded tick, whose agents have names."""
        parties = np.concatenate((tick.match_a, tick.match_b[tick.match_b != POOL]))
        self.add(tick.agent_ids, np.bincount(parties, minlength=tick.agent_ids.size))

    def _reach(self, agents: int) -> None:
        if agents > self._counts.size:
            grown = np.zeros(max(agents, 2 * self._counts.size), np.int64)
            grown[: self._counts.size] = self._counts
            self._counts = grown

    def to_list(self) -> list[int]:
        """The counts, by id, up to the last agent that has any."""
        last = int(np.flatnonzero(self._counts)[-1]) if self._counts.any() else -1
        counts: list[int] = self._counts[: last + 1].tolist()
        return counts


def counts_in(checkpoint: str) -> list[int] | None:
    """The counts in the checkpoint of a source of trades; None in that of another."""
    try:
        return _found(orjson.loads(checkpoint))
    except orjson.JSONDecodeError:
        return None


def _found(saved: Any) -> list[int] | None:
    if not isinstance(saved, dict):
        return None
    if isinstance(counts := saved.get(TRADE_COUNTS), list):
        return counts
    return next((counts for value in saved.values() if (counts := _found(value)) is not None), None)
