"""The price ranges of runs, as a store's files list them."""

from __future__ import annotations

from marketcamera.stream.price_ranges import PriceRanges


def test_of_two_runs_with_the_same_first_t_the_later_one_made_the_ticks() -> None:
    for second in ((40_000.0, 60_000.0), (20_000.0, 60_000.0)):
        prices = PriceRanges.of([(0, 1.0, 2.0), (100, *second), (100, 30_000.0, 50_000.0), (300, 1.0, 2.0)])
        assert [prices.at(t) for t in (99, 100, 299)] == [(1.0, 2.0), (30_000.0, 50_000.0), (30_000.0, 50_000.0)]
        assert prices.price_at(150, 0.5) == 40_000.0
    assert PriceRanges.of([(5, 8.0, 9.0), (5, 1.0, 2.0)]).at(0) == (1.0, 2.0)
