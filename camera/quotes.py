"""Quote statistics of every agent over the window: mean, deviation and distance to the mid."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from camera.agent_counts import ABOVE, BY_SIDE, CENSUS, KINDS, SQUARES, STEPS, quoting
from camera.entries import Entries
from market.tick import NONE, Floats, Ints

#: The grid on which prices are made (0.01) in parts of a price unit.
GRID = 100.0

#: The part of the window's quotes that a new band around the pivot holds.
_BAND_PART = 64


def to_grid(prices: Floats, largest: int) -> tuple[Ints, npt.NDArray[np.bool_] | None]:
    """Prices in hundredths, and which of them are whole hundredths no larger than `largest`: None if all are.

    Those that are not become 0.
    """
    steps = np.rint(prices * GRID)
    whole = (steps / GRID == prices) & (np.abs(steps) <= largest)
    if whole.all():
        return steps.astype(np.int64), None
    steps[~whole] = 0.0
    return steps.astype(np.int64), whole


def largest_step(window: int) -> int:
    """The greatest price in hundredths whose squares summed over the window fit an int64."""
    return math.isqrt(2**62 // window)


#: A quote above the pivot counts as one of these, plus how far it stands above it: two sums in one number. The second,
#: at most twice the window times `largest_step`, stays below 2^41 for a window of 100,000 ticks.
_ONE_ABOVE = 1 << 44


class QuoteSums:
    """Sums over the window's quotes by column, in whole hundredths and so exact.

    The sum of |price - M| moves with M, the mean of the window's mids. Quotes are therefore summed above and below a
    fixed pivot near M, and only the few in a narrow band around the pivot are looked at one by one. Where
    pivot and band lie changes the work, never the result: every sum is an exact integer.
    """

    def __init__(self, capacity: int) -> None:
        self.totals: Ints = np.zeros((KINDS, capacity), np.int64)
        self.pivot: int | None = None
        self._reach = 0
        self._near = np.empty((3, 0), np.int64)  # tick, column, price of the quotes within the band

    def slide(self, fresh: Entries, gone: Entries) -> None:
        """Add the entries of whole ticks, and take those of others away."""
        for apply, entries in ((np.add, fresh), (np.subtract, gone)):
            steps = entries.steps
            # In the order of KINDS.
            values = BY_SIDE.take(entries.sides), steps, steps * steps, self._above(entries), entries.matches
            for total, added in zip(self.totals, values, strict=True):
                apply.at(total, entries.columns, added)

    def _above(self, entries: Entries) -> Ints:
        """What entries put into `ABOVE`: 0 unless they quote above the pivot."""
        if self.pivot is None:
            return np.zeros(entries.steps.size, np.int64)
        away = entries.steps - self.pivot
        above = away > 0
        if self.pivot < 0:  # else nobody is above without a quote: the price is 0 then
            above &= entries.sides != NONE
        away += _ONE_ABOVE
        away *= above
        return away

    def add_near(self, ticks: Ints, columns: Ints, steps: Ints, first_tick: int) -> None:
        """Keep those of the new quotes (one entry a quote) that lie in the band; forget ticks before `first_tick`."""
        if self.pivot is None:
            return
        close = (np.abs(steps - self.pivot) <= self._reach).nonzero()[0]
        fresh = np.array([ticks[close], columns[close], steps[close]])
        begin = self._near[0].searchsorted(first_tick)
        self._near = np.concatenate([self._near[:, begin:], fresh], axis=1)

    def needs_pivot(self, mid: float) -> bool:
        """Whether the mean mid (in hundredths) has left the band."""
        return self.pivot is None or abs(mid - self.pivot) >= self._reach

    def set_pivot(self, mid: float, held: Entries, ticks: Ints) -> None:
        """Choose pivot and band anew from the window's entries, and the tick of each."""
        quoted = (held.sides != NONE).nonzero()[0]
        ticks, columns, steps = ticks[quoted], held.columns[quoted], held.steps[quoted]
        moved = 0 if self.pivot is None else abs(round(mid) - self.pivot)
        self.pivot = pivot = round(mid)
        away = np.abs(steps - pivot)
        part = away.size // _BAND_PART
        # A mid on the move would leave a band of fixed width again and again: make it at least twice the last move.
        self._reach = max(1, 2 * moved, int(np.partition(away, part)[part]) if away.size else 0)
        close = away <= self._reach
        self._near = np.array([ticks[close], columns[close], steps[close]])
        self.totals[ABOVE] = 0
        np.add.at(self.totals[ABOVE], held.columns, self._above(held))

    def distance(self, mid: float) -> Floats:
        """The sum of |price - mid| by column, in hundredths; `mid`, in hundredths too, lies within the band."""
        assert self.pivot is not None
        _, columns, steps = self._near
        # Quotes between pivot and mid stand on the other side of the mid.
        sign = -1 if mid >= self.pivot else 1
        between = (steps > min(self.pivot, mid)) & (steps <= max(self.pivot, mid))
        columns, steps = columns[between], steps[between]
        above, capacity = self.totals[ABOVE], self.totals.shape[1]
        count = above // _ONE_ABOVE
        total = above - count * (_ONE_ABOVE - self.pivot)
        count += sign * np.bincount(columns, minlength=capacity)
        total += sign * _summed(columns, steps, capacity)
        below_count, below_total = quoting(self.totals[CENSUS]) - count, self.totals[STEPS] - total
        distance: Floats = (total - count * mid) + (below_count * mid - below_total)
        return distance

    def mean_and_std(self, columns: Ints) -> tuple[Floats, Floats]:
        """Mean and population deviation in price units of the given columns, 0.0 without a quote."""
        totals = self.totals[:, columns]
        count, total, squared = quoting(totals[CENSUS]), totals[STEPS], totals[SQUARES]
        n = np.maximum(count, 1)
        centre = total // n
        rest = total - centre * n  # 0 <= rest < n
        squares = squared - 2 * centre * total + count * centre * centre  # sum of (price - centre)^2
        variance = (squares - rest * (rest / n)) / n
        return total / n / GRID, np.sqrt(np.maximum(variance, 0.0)) / GRID

    def grow(self, capacity: int) -> None:
        """Make room for more columns."""
        more = capacity - self.totals.shape[1]
        self.totals = np.concatenate([self.totals, np.zeros((KINDS, more), np.int64)], axis=1)


def _summed(columns: Ints, steps: Ints, capacity: int) -> Ints:
    """Sum of steps by column; exact, since bincount adds in float64 and a window's sum stays below 2^53."""
    return np.bincount(columns, weights=steps, minlength=capacity).astype(np.int64)


def direct(held: Entries, mid: float | None, capacity: int) -> tuple[Floats, Floats, Floats]:
    """Mean, population deviation and mean |price - mid| / |mid| by column, from all quotes of the window.

    For prices off the grid, whose sums as the window slides would not be exact. Each column is summed in the order of
    ticks, and so depends on nothing but the window.
    """
    quoted = (held.sides != NONE).nonzero()[0]
    columns, prices = held.columns[quoted], held.prices[quoted]

    def summed(values: Floats) -> Floats:
        return np.bincount(columns, weights=values, minlength=capacity).astype(np.float64, copy=False)

    n = np.maximum(np.bincount(columns, minlength=capacity), 1)
    mean = summed(prices) / n
    std = np.sqrt(summed((prices - mean[columns]) ** 2) / n)
    if not mid:
        return mean, std, np.zeros_like(mean)
    return mean, std, summed(np.abs(prices - mid)) / n / abs(mid)
