"""The statistics of returns, each with its formula, as estimates. docs/realism.md explains them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from market.tick import Floats
from realism.series import BLOCKS, Estimate, Sums, banded, block_sums, jackknife

#: Exponents that are tried. At 0 nothing decays, below it grows, and at 2 nothing is left after a few lags.
_EXPONENTS = np.arange(-400, 801) / 400

#: The share of a distribution that is its tail.
_TAIL = 0.05


def excess_kurtosis(returns: Floats) -> Estimate:
    """The fourth standardised moment less 3, which is the normal distribution's."""
    return jackknife(_kurtosis, _power_sums(returns))


def kurtosis_ratio(returns: Floats, periods: int) -> Estimate:
    """The excess kurtosis of returns over some periods, divided by that over one."""
    both = np.stack([_power_sums(returns), _power_sums(over(returns, periods))])
    return jackknife(lambda sums: _kurtosis(sums[1]) / _kurtosis(sums[0]), both)


def over(returns: Floats, periods: int) -> Floats:
    """Returns over some periods that do not overlap; NaN where one of them is missing."""
    whole = returns.size // periods * periods
    summed: Floats = returns[:whole].reshape(-1, periods).sum(axis=1)
    return summed


def tail_index(returns: Floats) -> Estimate:
    """Hill (1975): how fast large |returns| get rare, P(|r| > x) ~ x^-index, from the largest twentieth of them."""
    sizes = np.abs(returns)
    bounds = np.linspace(0, sizes.size, BLOCKS + 1).astype(int)
    without = [_hill(np.concatenate([sizes[:begin], sizes[end:]])) for begin, end in pairwise(bounds)]
    return banded(_hill(sizes), np.array(without))


def correlation(one: Floats, other: Floats) -> Estimate:
    """Pearson's correlation."""
    lagged = Lagged(one, other, range(1))
    return lagged.at(0)


class Lagged:
    """Correlations of a series with another at some lags later; with itself they are its autocorrelations.

    As is usual for a series, mean and variance are those of all of it at every lag. Pairs of which one is missing count
    as nothing, so that the sum of products is divided by the number of pairs.
    """

    def __init__(self, one: Floats, other: Floats, lags: range) -> None:
        self.lags = lags
        one, other = one - np.nanmean(one), other - np.nanmean(other)
        ends = [(one[: one.size - lag], other[lag:]) for lag in lags]
        products = [block_sums(first * later) for first, later in ends]
        pairs = [block_sums(np.isfinite(first * later)) for first, later in ends]
        squares = [block_sums(part) for part in (one**2, other**2, np.isfinite(one), np.isfinite(other))]
        self._sums = np.stack([*products, *pairs, *squares])

    @property
    def values(self) -> Floats:
        """The correlation at each lag."""
        found: Floats = self._correlations(self._sums.sum(axis=-1, keepdims=True))[:, 0]
        return found

    def at(self, lag: int) -> Estimate:
        """That at one of the lags."""
        place = self.lags.index(lag)
        return jackknife(lambda sums: self._correlations(sums)[place], self._sums)

    def mean(self) -> Estimate:
        """The mean of all lags."""
        return jackknife(lambda sums: self._correlations(sums).mean(axis=0), self._sums)

    def exponent(self) -> Estimate:
        """The b of the curve a · lag^-b, a > 0, that fits the lags with the least squares; NaN where none does."""
        return jackknife(lambda sums: _exponents(self._correlations(sums), self.lags), self._sums)

    def _correlations(self, sums: Sums) -> Floats:
        products, pairs, squares = np.split(sums, [len(self.lags), 2 * len(self.lags)])
        one, other, of_one, of_other = squares
        found: Floats = products / pairs / np.sqrt(one / of_one * other / of_other)
        return found


def _power_sums(values: Floats) -> Sums:
    """The sums of the powers 0 to 4 of the values, less their mean and in their deviations, which keeps digits."""
    deviation = np.nanstd(values)
    scaled = (values - np.nanmean(values)) / deviation if deviation else np.full(values.size, np.nan)
    return block_sums(np.stack([np.isfinite(scaled), *(scaled**power for power in range(1, 5))]))


def _kurtosis(sums: Sums) -> Floats:
    mean, second, third, fourth = sums[1:] / sums[0]
    variance = second - mean**2
    found: Floats = (fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4) / variance**2 - 3
    return found


def _hill(sizes: Floats) -> float:
    """The inverse of the mean logarithm of the largest sizes, relative to the largest that is not among them."""
    known = np.sort(sizes[np.isfinite(sizes)])
    tail = int(_TAIL * known.size)
    if not tail or known[-tail - 1] <= 0:
        return np.nan
    logarithm = float(np.log(known[-tail:] / known[-tail - 1]).mean())
    return 1 / logarithm if logarithm else np.nan


def _exponents(correlations: Floats, lags: range) -> Floats:
    """The exponent for each column. For every exponent tried, the best factor is a projection on its curve."""
    curves = np.array(lags, float) ** -_EXPONENTS[:, None]
    curves /= np.sqrt((curves**2).sum(axis=1, keepdims=True))
    explained = curves @ correlations
    best = explained.argmax(axis=0)
    fits = (explained.max(axis=0) > 0) & (best > 0) & (best < _EXPONENTS.size - 1)
    found: Floats = np.where(fits, _EXPONENTS[best], np.nan)
    return found
