"""The figures of the order book market over shorter runs: hubs, fat tails, clusters, and no trend to trade on."""

from __future__ import annotations

import numpy as np
import pytest

from market.orderbook import figures
from market.orderbook.figures import Run, autocorrelation, excess_kurtosis, run
from market.orderbook.market import OrderBookMarket


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [run(OrderBookMarket(seed), 8_000) for seed in (42, 100)]


def test_a_tenth_of_the_agents_holds_more_than_half_of_the_match_weight(runs: list[Run]) -> None:
    assert all(one.makers_share > 0.5 for one in runs)


def test_returns_have_fat_tails(runs: list[Run]) -> None:
    assert np.mean([excess_kurtosis(one.returns) for one in runs]) > 1.0


def test_volatility_is_clustered_and_returns_are_not(runs: list[Run]) -> None:
    volatility = [autocorrelation(np.abs(one.returns), range(5, 56)) for one in runs]
    assert np.mean(volatility) > 0.05
    assert abs(np.mean([autocorrelation(one.returns, figures.RETURN_LAGS) for one in runs])) < 0.03


def test_the_measures_are_those_of_known_series() -> None:
    normal = np.random.default_rng(1).standard_normal(100_000)
    assert excess_kurtosis(normal) == pytest.approx(0.0, abs=0.1)
    assert excess_kurtosis(np.array([-1.0, 1.0])) == pytest.approx(-2.0)
    assert autocorrelation(normal, range(1, 5)) == pytest.approx(0.0, abs=0.01)
    assert autocorrelation(np.tile([1.0, -1.0], 500), [1, 2]) == pytest.approx(0.0, abs=1e-9)
    assert autocorrelation(np.tile([1.0, -1.0], 500), [2]) == pytest.approx(1.0)


def test_the_command_prints_a_row_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    figures.main(["--ticks", "1000", "--seeds", "1", "2"])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 11
    assert rows[1].startswith("match weight of makers")
    with pytest.raises(SystemExit):
        figures.main(["--ticks", "10"])
    assert "--ticks must be at least 1000, got 10" in capsys.readouterr().err
