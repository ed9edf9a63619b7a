"""Agents of a kind are not alike: their horizons and memories are spread evenly over orders of magnitude."""

from __future__ import annotations

import numpy as np

from market.tick import Floats


def spaced(shortest: float, longest: float, count: int) -> Floats:
    """`count` lengths from the shortest to the longest, each the same multiple of the one before; one is the middle."""
    if count == 1:
        return np.array([(shortest * longest) ** 0.5])
    ratio = (longest / shortest) ** (1 / max(1, count - 1))
    # Python's power, since NumPy's differs in the last digit from one CPU to another.
    return np.array([shortest * ratio**i for i in range(count)])
