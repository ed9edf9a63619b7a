"""Returns of consecutive bars on a regular grid, and statistics of them that have a confidence band."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.tick import Floats, Ints

#: Returns further apart than this are compared by no fact.
MOST_LAG = 100

#: Parts of a series of which one after the other is left out: enough for a band, and each longer than memory lasts.
BLOCKS = 20

#: Student's t with BLOCKS - 1 degrees of freedom: 95 % of its values lie within ± this.
_T_95 = 2.093


class PriceBars(NamedTuple):
    """Bars of one resolution by time: when each begins, its last price, its volume, its first and last tick."""

    open_ms: Ints
    close: Floats
    volume: Floats
    first_t: Ints
    last_t: Ints


class Series(NamedTuple):
    """Log returns one period apart, and the volume of the period of each; NaN where there is no return."""

    returns: Floats
    volumes: Floats

    @property
    def present(self) -> int:
        """How many returns there are."""
        return int(np.isfinite(self.returns).sum())


def series_of(bars: PriceBars, period_ms: int, run_starts: Collection[int], most: int) -> Series:
    """The newest `most` places of the returns of some bars.

    There is none over a missing bar, and none to a bar in which a run begins: its price comes from nowhere. What is
    missing is at most as long as the longest lag, which is as good as for ever.
    """
    if bars.open_ms.size < 2:
        return Series(np.empty(0), np.empty(0))
    steps = np.diff(bars.open_ms) // period_ms
    places = np.cumsum(np.minimum(steps, MOST_LAG + 1)) - 1
    returns, volumes = np.full((2, places[-1] + 1), np.nan)
    starts = np.array(sorted(run_starts), np.int64)
    begun = np.searchsorted(starts, bars.last_t[1:], "right") > np.searchsorted(starts, bars.last_t[:-1], "right")
    sound = (steps == 1) & ~begun
    with np.errstate(all="ignore"):  # a price of 0 or below has no logarithm
        changes = np.diff(np.log(bars.close))
    sound &= np.isfinite(changes)
    returns[places[sound]] = changes[sound]
    volumes[places[sound]] = bars.volume[1:][sound]
    return Series(returns[-most:], volumes[-most:])


class Estimate(NamedTuple):
    """A statistic, and the bounds of its band of 95 % confidence; NaN where it is undefined."""

    value: float
    low: float
    high: float


Sums = npt.NDArray[np.float64]


def jackknife(statistic: Callable[[Sums], Floats], sums: Sums) -> Estimate:
    """A statistic of sums over the whole series, its band by leaving out one block after the other (Künsch 1989).

    `sums` has the shape [..., BLOCKS]; the statistic takes the shape [..., n] and gives [n].
    """
    whole = sums.sum(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):  # a division by nothing gives NaN, which says so
        values = statistic(np.concatenate([whole, whole - sums], axis=-1))
    return banded(float(values[0]), values[1:])


def banded(value: float, without: Floats) -> Estimate:
    """A statistic with the band that its values without each block give."""
    n = without.size
    error = _T_95 * float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return Estimate(value, value - error, value + error)


def block_sums(values: Floats) -> Sums:
    """The sum of each block of a series, whose last axis is time; NaN counts as nothing. Shape [..., BLOCKS]."""
    bounds = np.linspace(0, values.shape[-1], BLOCKS + 1).astype(int)[:-1]
    summed: Sums = np.add.reduceat(np.nan_to_num(values), bounds, axis=-1)
    return summed
