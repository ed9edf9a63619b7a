"""Price ranges: the prices that `price_norm` 0 and 1 stand for, in each run of a market."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from market.model.substrate import PRICE_LOW, PRICE_SPAN
from market.tick import MarketError

#: `price_norm` has six decimals, so a price has as many digits behind the first of its range.
_DECIMALS = 6


@dataclass(frozen=True)
class PriceRange:
    """`price_norm` 0 is the price `low`, 1 is `high`. Raises MarketError unless low < high, both finite."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high - self.low) and self.low < self.high):
            raise MarketError(f"a price range must rise from low to high, got {self.low} to {self.high}")

    @cached_property
    def decimals(self) -> int:
        """How many decimals a price has: six, more where the range is smaller than 1."""
        return _DECIMALS + max(0, -math.floor(math.log10(self.high - self.low)))

    def price_of(self, price_norm: float) -> float:
        """*The* price of a tick: low + (high - low) * price_norm."""
        return round(self.low + (self.high - self.low) * price_norm, self.decimals)


#: That of every run which recorded none: before price ranges, all markets were the simulator's.
MODEL_RANGE = PriceRange(PRICE_LOW, PRICE_LOW + PRICE_SPAN)

_FIRST_T = itemgetter(0)


class PriceRanges:
    """The price ranges of a market's runs, as (first t, range); of two with the same first t the later one counts.

    `under_way` is the run that makes ticks now: its first t, and what gives its range, None before its first tick.
    Ticks before the first known run count as that run's.
    """

    def __init__(
        self,
        runs: Iterable[tuple[int, PriceRange]] = (),
        under_way: tuple[int, Callable[[], PriceRange | None]] | None = None,
    ) -> None:
        self._runs = sorted(dict(runs).items(), key=_FIRST_T)
        self._under_way = under_way
        self._listed: list[tuple[int, float, float]] | None = None

    def holding_at(self, t: int) -> tuple[PriceRange, float]:
        """The price range of a tick, and the first t from which another one may hold; infinity for none."""
        runs = self._settled()
        behind = bisect_right(runs, t, key=_FIRST_T)
        until = runs[behind][0] if behind < len(runs) else math.inf
        if self._under_way is not None:
            until = min(until, max(self._under_way[0], t + 1))
        return (runs[max(0, behind - 1)][1] if runs else MODEL_RANGE), until

    def listed(self) -> list[tuple[int, float, float]]:
        """First t, low and high of each run whose range is another than that of the run before; none while unknown."""
        runs = self._settled()
        if self._listed is None:
            ranges = [None, *(prices for _, prices in runs)]
            changes = [run for before, run in zip(ranges, runs, strict=False) if run[1] != before]
            self._listed = [(first_t, prices.low, prices.high) for first_t, prices in changes]
        return self._listed

    def _settled(self) -> list[tuple[int, PriceRange]]:
        """The runs whose range is known, the one under way too as soon as it is."""
        if self._under_way is not None:
            first_t, ask = self._under_way
            if (known := ask()) is not None:
                self._runs = sorted({**dict(self._runs), first_t: known}.items(), key=_FIRST_T)
                self._under_way = self._listed = None
        return self._runs
