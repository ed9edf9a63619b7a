"""Returns of bars: on a grid of time, without what a hole or a new run would make of them."""

import numpy as np
import pytest

from realism.series import MOST_LAG, PriceBars, series_of


def bars(seconds: list[int], prices: list[float]) -> PriceBars:
    """Bars of ten ticks each, whose volume is the second they begin in."""
    at = np.array(seconds)
    return PriceBars(1000 * at, np.array(prices, float), at.astype(float), 10 * at, 10 * at + 9)


def test_a_return_is_the_logarithm_of_what_a_price_becomes_and_has_the_later_volume() -> None:
    found = series_of(bars([5, 6, 7], [100, 110, 99]), 1000, [0], 50)
    assert found.returns == pytest.approx(np.log([1.1, 0.9]))
    assert found.volumes.tolist() == [6, 7]


def test_missing_bars_leave_holes_of_their_length_up_to_the_longest_lag() -> None:
    found = series_of(bars([0, 1, 4, 5, 9000, 9001], [1, 2, 4, 8, 16, 32]), 1000, [], 500)
    known = np.isfinite(found.returns).nonzero()[0].tolist()
    assert known == [0, 4, 4 + MOST_LAG + 2]
    assert np.isfinite(found.volumes).nonzero()[0].tolist() == known


def test_no_return_leads_into_a_new_run() -> None:
    found = series_of(bars([0, 1, 2, 3], [1, 2, 50, 60]), 1000, [0, 25], 50)
    assert np.isnan(found.returns).tolist() == [False, True, False]


def test_only_the_newest_places_count() -> None:
    assert series_of(bars(list(range(9)), list(range(1, 10))), 1000, [], 3).volumes.tolist() == [6, 7, 8]


@pytest.mark.parametrize("prices", [[0, 1, 2], [-1, 1, 2]])
def test_a_price_without_a_logarithm_has_no_return(prices: list[float]) -> None:
    assert np.isfinite(series_of(bars([0, 1, 2], prices), 1000, [], 9).returns).tolist() == [False, True]


def test_one_bar_has_no_return() -> None:
    assert series_of(bars([3], [1]), 1000, [], 9).present == 0
