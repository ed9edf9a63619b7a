"""Each statistic against scipy, statsmodels and curve fitting, on returns with fat tails, memory and holes."""

import numpy as np
import pytest
import scipy  # whose parts are loaded when they are used, and statsmodels by its tests: each takes seconds of a worker

from realism.series import BLOCKS
from realism.statistics import Lagged, correlation, excess_kurtosis, kurtosis_ratio, over, tail_index


def volatile(count: int, seed: int = 1) -> np.ndarray:
    """Returns whose volatility is a slow random walk that returns, with Student's shocks."""
    rng = np.random.default_rng(seed)
    level, levels = 0.0, []
    for shock in rng.normal(0, 0.2, count):
        level = 0.98 * level + shock
        levels.append(level)
    return 1e-4 * np.exp(np.array(levels) / 2) * rng.standard_t(5, count)


RETURNS = volatile(4000)
HOLES = np.where(np.arange(4000) % 37 == 5, np.nan, RETURNS)
KNOWN = HOLES[np.isfinite(HOLES)]


def blocks_without(values: np.ndarray) -> list[np.ndarray]:
    """The values without each of the blocks, in the plainest way."""
    bounds = np.linspace(0, values.size, BLOCKS + 1).astype(int)
    return [np.delete(values, np.s_[bounds[i] : bounds[i + 1]]) for i in range(BLOCKS)]


def test_kurtosis_is_that_of_scipy() -> None:
    assert excess_kurtosis(HOLES).value == pytest.approx(scipy.stats.kurtosis(KNOWN), rel=1e-9)


def test_a_band_is_that_of_a_delete_a_block_jackknife() -> None:
    without = np.array([scipy.stats.kurtosis(part[np.isfinite(part)]) for part in blocks_without(HOLES)])
    error = np.sqrt((BLOCKS - 1) * without.var()) * scipy.stats.t.ppf(0.975, BLOCKS - 1)
    found = excess_kurtosis(HOLES)
    assert (found.value - found.low, found.high - found.value) == pytest.approx((error, error), rel=1e-3)


def test_a_band_holds_the_truth_as_often_as_it_says() -> None:
    """Of a normal distribution the excess kurtosis is 0, of Student's t the tail index is its degrees of freedom."""
    rng = np.random.default_rng(3)
    hits = [abs(estimate.value) <= estimate.high - estimate.value
            for estimate in (excess_kurtosis(rng.normal(size=2000)) for _ in range(300))]  # fmt: skip
    assert 0.9 < np.mean(hits) < 0.99
    assert 2.5 < np.mean([tail_index(rng.standard_t(3, 20_000)).value for _ in range(10)]) < 3.2


def test_returns_over_several_periods_do_not_overlap_and_have_no_holes() -> None:
    assert over(np.arange(7.0), 3).tolist() == [3, 12]
    assert np.isnan(over(np.array([1, np.nan, 1, 1.0]), 2)).tolist() == [True, False]
    found = kurtosis_ratio(RETURNS, 20).value
    assert found == pytest.approx(
        scipy.stats.kurtosis(RETURNS.reshape(-1, 20).sum(axis=1)) / scipy.stats.kurtosis(RETURNS)
    )


def test_the_tail_index_is_that_of_a_pareto_distribution_fitted_to_the_tail() -> None:
    sizes = np.sort(np.abs(KNOWN))
    tail = int(0.05 * sizes.size)
    fitted, _, _ = scipy.stats.pareto.fit(sizes[-tail:], floc=0, fscale=sizes[-tail - 1])
    assert tail_index(HOLES).value == pytest.approx(fitted, rel=1e-6)


@pytest.mark.parametrize("values", [RETURNS, HOLES, np.abs(RETURNS), np.abs(HOLES)])
def test_autocorrelations_are_those_of_statsmodels(values: np.ndarray) -> None:
    from statsmodels.tsa.stattools import acf

    lagged = Lagged(values, values, range(1, 101))
    expected = acf(values, nlags=100, fft=False, missing="conservative", adjusted=not np.isnan(values).any())[1:]
    if np.isnan(values).any():  # statsmodels divides by all places, and holes are none
        centred = np.nan_to_num(values - np.nanmean(values))
        pairs = [np.isfinite(values[lag:] * values[:-lag]).sum() for lag in range(1, 101)]
        expected = acf(centred, nlags=100, fft=False)[1:] * np.isfinite(values).sum() / pairs
    assert lagged.values == pytest.approx(expected, abs=1e-9)
    assert lagged.at(3).value == pytest.approx(expected[2])
    assert lagged.mean().value == pytest.approx(expected.mean())


def test_leverage_is_the_cross_correlation_of_statsmodels() -> None:
    from statsmodels.tsa.stattools import ccf

    expected = ccf(np.abs(RETURNS), RETURNS, adjusted=True)[1:21]
    assert Lagged(RETURNS, np.abs(RETURNS), range(1, 21)).values == pytest.approx(expected, abs=1e-9)


def test_correlation_is_that_of_scipy() -> None:
    volumes = np.abs(RETURNS) + np.random.default_rng(2).exponential(1e-4, RETURNS.size)
    found = correlation(volumes, np.abs(RETURNS))
    assert found.value == pytest.approx(scipy.stats.pearsonr(volumes, np.abs(RETURNS)).statistic)


def test_the_exponent_is_that_of_the_least_squares() -> None:
    lagged = Lagged(np.abs(RETURNS), np.abs(RETURNS), range(1, 101))
    (_, exponent), _ = scipy.optimize.curve_fit(
        lambda lag, a, b: a * lag**-b, np.arange(1, 101), lagged.values, p0=(0.3, 0.3)
    )
    assert lagged.exponent().value == pytest.approx(exponent, abs=0.002)


def test_what_does_not_change_has_no_correlation_with_anything() -> None:
    assert np.isnan(correlation(np.ones(400), RETURNS[:400])).all()
