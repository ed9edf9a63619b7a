"""What the asset is worth: a random walk whose volatility rises with news, and echoes it for a long time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from market.orderbook.parameters import Parameters
from market.orderbook.spacing import spaced

#: The echo of news is the sum of so many exponential decays. With weights that fall with the square root of their
#: length it fades about as 1/√t, as volatility does in markets.
_ECHOES = 4

#: The greatest news, in multiples of the least.
_GREATEST_NEWS = 6.0

#: Uniform numbers begin at 0, whose root nothing can be divided by.
_TINY = 1e-9


def heavy_tailed(luck: float) -> float:
    """A number from 1 up that exceeds x with probability 1/x², of a uniform one in 0..1."""
    return 1.0 / math.sqrt(luck + _TINY)


class Value:
    """The value, relative to the price at first; information arrives at a rate that varies (P. K. Clark, "A
    Subordinated Stochastic Process Model", Econometrica 41, 1973)."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._lengths = spaced(parameters.shortest_memory, parameters.longest_memory, _ECHOES)
        self._weights = np.sqrt(self._lengths[0] / self._lengths)
        self._echoes = np.zeros(_ECHOES)
        self.level = 1.0

    def move(self, normal: float, news_luck: float, size_luck: float, side_luck: float) -> float:
        """One tick on, by a normal and three uniform numbers; how far the value moved."""
        parameters, before = self._parameters, self.level
        self._echoes -= self._echoes / self._lengths
        volatility = parameters.value_volatility * (1.0 + math.fsum(self._echoes.tolist()))
        level = before + volatility * normal + (1.0 - before) / parameters.value_memory
        if news_luck < parameters.news:
            greatness = min(heavy_tailed(size_luck), _GREATEST_NEWS)
            self._echoes += parameters.news_echo * greatness * self._weights
            level += math.copysign(parameters.news_size * greatness, side_luck - 0.5)
        self.level = min(max(level, 1.0 - parameters.band), 1.0 + parameters.band)
        return self.level - before

    def state(self) -> dict[str, Any]:
        return {"level": self.level, "echoes": self._echoes.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        self.level, self._echoes = float(state["level"]), np.array(state["echoes"], np.float64)
