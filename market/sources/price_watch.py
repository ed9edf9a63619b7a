"""Prices that a source's price range does not hold."""

from __future__ import annotations

import logging

from market.tick import Tick

log = logging.getLogger(__name__)


class PriceWatch:
    """Tells of the ticks whose mid is beyond the price range, in the log, more and more seldom.

    Their `price_norm` is 0 or 1, so everything that is made of it has a price at which nobody traded; bars of trades do
    not. `name` is the source's.
    """

    def __init__(self, name: str) -> None:
        self._name, self._beyond = name, 0

    def look(self, tick: Tick, price_range: tuple[float, float] | None) -> None:
        if price_range is None or tick.mid is None or price_range[0] <= tick.mid <= price_range[1]:
            return
        self._beyond += 1
        if self._beyond.bit_count() == 1:
            low, high = price_range
            log.warning(
                "%s: the mid of t=%d, %.12g, is beyond the price range: its tick says %.12g."
                " The options low and high set the range (%s ticks so far)",
                *(self._name, tick.t, tick.mid, min(max(tick.mid, low), high), f"{self._beyond:,}"),
            )
