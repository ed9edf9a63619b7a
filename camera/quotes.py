"""Quote statistics of every agent over the window: mean, deviation and distance to the mid."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: The grid on which prices are made (0.01) in parts of a price unit.
GRID = 100.0

#: The part of the window's quotes that a new band around the pivot holds.
_BAND_PART = 64


def to_grid(prices: Floats, largest: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Prices in hundredths, and which of them are whole hundredths no larger than `largest` (others become 0)."""
    steps = np.rint(prices * GRID)
    whole = (steps / GRID == prices) & (np.abs(steps) <= largest)
    steps[~whole] = 0.0
    return steps.astype(np.int64), whole


def largest_step(window: int) -> int:
    """The greatest price in hundredths whose squares summed over the window fit an int64."""
    return math.isqrt(2**62 // window)


class QuoteSums:
    """Sums over the window's quotes by column, in whole hundredths and so exact.

    The sum of |price - M| moves with M, the mean of the window's mids. Quotes are therefore summed above and below a
    fixed pivot near M, and only the few in a narrow band around the pivot are looked at one by one. Where
    pivot and band lie changes the work, never the result: every sum is an exact integer.
    """

    def __init__(self, capacity: int) -> None:
        self.count: Ints = np.zeros(capacity, np.int64)
        self.buys: Ints = np.zeros(capacity, np.int64)
        self.total: Ints = np.zeros(capacity, np.int64)
        self.squares: Ints = np.zeros(capacity, np.int64)
        self._above_count: Ints = np.zeros(capacity, np.int64)
        self._above_total: Ints = np.zeros(capacity, np.int64)
        self.pivot: int | None = None
        self._reach = 0
        self._near = np.empty((3, 0), np.int64)  # tick, column, price of the quotes within the band

    def slide(self, sides: npt.NDArray[np.int8], steps: Ints, old_sides: npt.NDArray[np.int8], old_steps: Ints) -> None:
        """Add and take away whole ticks: arrays of shape [ticks, columns]; side 0 and price 0 where no quote is."""
        quoting, leaving = sides != 0, old_sides != 0
        self.count += quoting.sum(axis=0) - leaving.sum(axis=0)
        self.buys += (sides == 1).sum(axis=0) - (old_sides == 1).sum(axis=0)
        self.total += steps.sum(axis=0) - old_steps.sum(axis=0)
        self.squares += (steps * steps).sum(axis=0) - (old_steps * old_steps).sum(axis=0)
        if self.pivot is not None:
            above, fallen = quoting & (steps > self.pivot), leaving & (old_steps > self.pivot)
            self._above_count += above.sum(axis=0) - fallen.sum(axis=0)
            self._above_total += (steps * above).sum(axis=0) - (old_steps * fallen).sum(axis=0)

    def add_near(self, ticks: Ints, columns: Ints, steps: Ints, first_tick: int) -> None:
        """Keep those of the new quotes (one entry a quote) that lie in the band; forget ticks before `first_tick`."""
        if self.pivot is None:
            return
        close = np.abs(steps - self.pivot) <= self._reach
        fresh = np.array([ticks[close], columns[close], steps[close]])
        begin = np.searchsorted(self._near[0], first_tick)
        self._near = np.concatenate([self._near[:, begin:], fresh], axis=1)

    def needs_pivot(self, mid: float) -> bool:
        """Whether the mean mid (in hundredths) has left the band."""
        return self.pivot is None or abs(mid - self.pivot) >= self._reach

    def set_pivot(self, mid: float, ticks: Ints, columns: Ints, steps: Ints) -> None:
        """Choose pivot and band anew from all quotes of the window (one entry a quote, ticks ascending)."""
        moved = 0 if self.pivot is None else abs(round(mid) - self.pivot)
        self.pivot = pivot = round(mid)
        away = np.abs(steps - pivot)
        part = away.size // _BAND_PART
        # A mid on the move would leave a band of fixed width again and again: make it at least twice the last move.
        self._reach = max(1, 2 * moved, int(np.partition(away, part)[part]) if away.size else 0)
        above = steps > pivot
        capacity = self.count.size
        self._above_count = np.bincount(columns[above], minlength=capacity)
        self._above_total = _summed(columns[above], steps[above], capacity)
        close = away <= self._reach
        self._near = np.array([ticks[close], columns[close], steps[close]])

    def distance(self, mid: float) -> Floats:
        """The sum of |price - mid| by column, in hundredths; `mid`, in hundredths too, lies within the band."""
        assert self.pivot is not None
        _, columns, steps = self._near
        capacity = self.count.size
        # Quotes between pivot and mid stand on the other side of the mid.
        lifted = (steps > self.pivot) & (steps <= mid)
        fallen = (steps <= self.pivot) & (steps > mid)
        above_count = self._above_count + (
            np.bincount(columns[fallen], minlength=capacity) - np.bincount(columns[lifted], minlength=capacity)
        )
        above_total = self._above_total + (
            _summed(columns[fallen], steps[fallen], capacity) - _summed(columns[lifted], steps[lifted], capacity)
        )
        below_count, below_total = self.count - above_count, self.total - above_total
        return (above_total - above_count * mid) + (below_count * mid - below_total)

    def mean_and_std(self, columns: Ints) -> tuple[Floats, Floats]:
        """Mean and population deviation in price units of the given columns, 0.0 without a quote."""
        count = self.count[columns]
        n = np.maximum(count, 1)
        total = self.total[columns]
        centre = total // n
        rest = total - centre * n  # 0 <= rest < n
        squares = self.squares[columns] - 2 * centre * total + count * centre * centre  # sum of (price - centre)^2
        variance = (squares - rest * (rest / n)) / n
        return total / n / GRID, np.sqrt(np.maximum(variance, 0.0)) / GRID

    def remap(self, old: Ints, new: Ints, capacity: int) -> None:
        """Follow the columns to their new places (`Slots.rebuild`)."""
        for name in ("count", "buys", "total", "squares", "_above_count", "_above_total"):
            moved = np.zeros(capacity, np.int64)
            moved[new] = getattr(self, name)[old]
            setattr(self, name, moved)
        place = np.zeros(int(old.max()) + 1 if old.size else 0, np.int64)
        place[old] = new
        if self._near.size:
            self._near[1] = place[self._near[1]]


def _summed(columns: Ints, steps: Ints, capacity: int) -> Ints:
    """Sum of steps by column; exact, since bincount adds in float64 and a window's sum stays below 2^53."""
    return np.bincount(columns, weights=steps, minlength=capacity).astype(np.int64)


def direct(prices: Floats, quoting: npt.NDArray[np.bool_], mid: float | None) -> tuple[Floats, Floats, Floats]:
    """Mean, population deviation and mean |price - mid| / |mid| by column, from all quotes of the window.

    Arrays of shape [ticks, columns]. For prices off the grid, whose sums as the window slides would not be exact.
    """
    n = np.maximum(quoting.sum(axis=0), 1)
    mean = np.where(quoting, prices, 0.0).sum(axis=0) / n
    std = np.sqrt((np.where(quoting, prices - mean, 0.0) ** 2).sum(axis=0) / n)
    if not mid:
        return mean, std, np.zeros_like(mean)
    return mean, std, np.where(quoting, np.abs(prices - mid), 0.0).sum(axis=0) / n / abs(mid)
