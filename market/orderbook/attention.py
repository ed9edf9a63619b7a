"""Attention: how volatile each agent remembers the market to be, and how busy that makes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from market.orderbook.parameters import Parameters
from market.orderbook.spacing import spaced
from market.tick import Floats

#: What is usual is the mean of about the last so many ticks.
_USUAL_TICKS = 20_000
_USUAL_AT_FIRST = 0.00004
_LEAST_USUAL = 1e-9

#: An agent never sleeps altogether, and can only do so much.
_LEAST, _MOST = 0.15, 12.0


class Attention:
    """Relative moves of the mid as each agent remembers them: means that fade after 50 to 5,000 ticks.

    Agents that look back over different times give volatility its slow decay (U. A. Müller et al., "Volatilities of
    Different Time Resolutions", Journal of Empirical Finance 4, 1997).
    """

    def __init__(self, parameters: Parameters) -> None:
        kinds = (parameters.makers, parameters.fundamentalists, parameters.momentum, parameters.noise)
        shortest, longest = parameters.shortest_memory, parameters.longest_memory
        self._fading = 1.0 / np.concatenate([spaced(shortest, longest, count) for count in kinds])
        self._slope = parameters.attention
        self._remembered = np.full(parameters.agents, _USUAL_AT_FIRST)
        self.usual = _USUAL_AT_FIRST

    def see(self, move: float) -> None:
        """Remember the last relative move of the mid."""
        self._remembered += self._fading * (abs(move) - self._remembered)
        self.usual = max(self.usual + (abs(move) - self.usual) / _USUAL_TICKS, _LEAST_USUAL)

    def excitement(self) -> Floats:
        """Each agent's remembered volatility relative to what is usual."""
        excitement: Floats = self._remembered / self.usual
        return excitement

    def activity(self, excitement: Floats) -> Floats:
        """By what each agent's rate is multiplied; 1 in a usual market."""
        return np.minimum(np.maximum(1.0 + self._slope * (excitement - 1.0), _LEAST), _MOST)

    def state(self) -> dict[str, Any]:
        return {"remembered": self._remembered.tolist(), "usual": self.usual}

    def restore(self, state: dict[str, Any]) -> None:
        self._remembered, self.usual = np.array(state["remembered"], np.float64), float(state["usual"])
