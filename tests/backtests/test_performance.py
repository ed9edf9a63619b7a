"""The figures of a backtest, against their definitions."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.engine.performance import MOST_POINTS, Equity, Performance

DAY_MS = 86_400_000


def measured(values: list[float], cash: float = 100.0) -> Performance:
    performance = Performance(cash, DAY_MS)
    performance.begin(0)
    for day, value in enumerate(values):
        performance.add((day + 1) * DAY_MS, value, invested=value != cash)
    return performance


@given(st.lists(st.floats(50, 200), min_size=2, max_size=60))
def test_figures_are_those_of_their_definitions(values: list[float]) -> None:
    curve = [100.0, *values]
    changes = [after / before - 1 for before, after in zip(curve, values, strict=False)]
    figures = measured(values)
    assert figures.total_return == pytest.approx(values[-1] / 100 - 1)
    deepest = max(1 - later / earlier for i, earlier in enumerate(curve) for later in curve[i:])
    assert figures.max_drawdown == pytest.approx(deepest)
    if pstdev(changes) > 1e-9:
        assert figures.sharpe == pytest.approx(fmean(changes) / pstdev(changes) * math.sqrt(365), rel=1e-6, abs=1e-9)


def test_exposure_is_the_part_of_bars_with_something_held() -> None:
    assert measured([100, 101, 102, 100]).exposure == 0.5


def test_a_curve_that_never_moves_has_no_sharpe_ratio() -> None:
    assert measured([100.0] * 10).sharpe == 0
    assert measured([100 * 1.01**day for day in range(1, 30)]).sharpe == 0


@given(st.integers(1, 5000))
def test_a_thinned_curve_keeps_its_ends_its_order_and_its_bound(count: int) -> None:
    equity = Equity()
    for number in range(count):
        equity.add(number, number * 2.0)
    points = equity.points()
    assert points[0] == (0, 0.0)
    assert points[-1] == (count - 1, (count - 1) * 2.0)
    assert len(points) <= MOST_POINTS + 1
    steps = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    assert all(steps)
    assert len(set(steps[:-1])) <= 1
    if count <= MOST_POINTS:
        assert len(points) == count
    else:
        assert len(points) > MOST_POINTS // 2
