"""The price range of a run, and which run's holds at a t."""

from __future__ import annotations

import math

import pytest

from market.price_range import MODEL_RANGE, PriceRange, PriceRanges
from market.tick import MarketError

LOW, HIGH, HUNDREDS = PriceRange(1.0, 3.0), PriceRange(2.0, 4.0), PriceRange(100.0, 300.0)


@pytest.mark.parametrize(
    ("low", "high", "price_norm", "price"),
    [
        (40_000, 60_000, 0.49875, 49_975.0),
        (0.0, 3.0, 0.1, 0.3),
        (1e-5, 3e-5, 0.123456, 1.246912e-5),
        (-1, 1, 0.25, -0.5),
    ],
)
def test_a_price_has_as_many_digits_as_its_range_needs(
    low: float, high: float, price_norm: float, price: float
) -> None:
    assert PriceRange(low, high).price_of(price_norm) == price


@pytest.mark.parametrize(
    ("low", "high"), [(2.0, 2.0), (3.0, 2.0), (0.0, math.nan), (0.0, math.inf), (-1.7e308, 1.7e308)]
)
def test_a_range_that_does_not_rise_is_none(low: float, high: float) -> None:
    with pytest.raises(MarketError, match=r"^a price range must rise from low to high, got "):
        PriceRange(low, high)


def test_each_t_has_the_range_of_its_run_and_what_came_before_all_that_of_the_first() -> None:
    ranges = PriceRanges([(10, LOW), (20, HIGH), (20, HUNDREDS), (30, HUNDREDS)])
    assert [ranges.holding_at(t) for t in (0, 10, 19)] == [(LOW, 10 if t < 10 else 20) for t in (0, 10, 19)]
    assert ranges.holding_at(20) == (HUNDREDS, 30)
    assert ranges.holding_at(30) == (HUNDREDS, math.inf)
    assert ranges.listed() == [(10, 1.0, 3.0), (20, 100.0, 300.0)], "each change once, of one first t the later"
    assert (PriceRanges().holding_at(5), PriceRanges().listed()) == ((MODEL_RANGE, math.inf), [])


def test_a_run_under_way_is_asked_until_it_knows() -> None:
    known: list[PriceRange] = []
    ranges = PriceRanges([(0, LOW)], (50, lambda: known[0] if known else None))
    assert ranges.holding_at(49) == (LOW, 50)
    assert ranges.holding_at(60) == (LOW, 61), "the next tick asks again"
    assert ranges.listed() == [(0, 1.0, 3.0)]
    known.append(HIGH)
    assert ranges.holding_at(61) == (HIGH, math.inf)
    assert ranges.listed() == [(0, 1.0, 3.0), (50, 2.0, 4.0)]
