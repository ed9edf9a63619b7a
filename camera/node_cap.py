"""Which agents a frame shows where the window holds more of them than it may."""

from __future__ import annotations

import numpy as np

from market.tick import Ints


def most_active(matches: Ints, quotes: Ints, most: int) -> Ints:
    """Positions of `most` agents, ascending: most matches first, then most quotes, then those that stand first."""
    order = np.lexsort((-quotes, -matches))
    return np.sort(order[:most])
