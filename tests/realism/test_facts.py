"""Verdicts, and what the built-in markets show of the facts: docs/model.md has the figures of longer runs."""

import json

import numpy as np
import pytest

from realism.facts import FACTS, FEWEST, KURTOSIS, Finding, findings
from realism.facts_table import table_of
from realism.figures import MARKETS, findings_of
from realism.series import Estimate, Series


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (0.5, 1.5, 2.5, "inside"),
        (-0.5, 0.2, 0.9, "outside"),
        (-0.5, 0.5, 1.5, "too few"),
        (90.0, 110.0, 130.0, "too few"),
        (101.0, 110.0, 119.0, "outside"),
        (np.nan, np.nan, np.nan, "too few"),
        (np.nan, 5.0, np.nan, "too few"),
    ],
)
def test_a_verdict_is_as_sure_as_its_band(low: float, value: float, high: float, verdict: str) -> None:
    assert Finding(KURTOSIS, "1s", FEWEST, Estimate(value, low, high)).verdict == verdict
    assert Finding(KURTOSIS, "1s", FEWEST - 1, Estimate(value, low, high)).verdict == "too few"


@pytest.mark.parametrize("returns", [np.empty(0), np.zeros(1000), np.random.default_rng(1).normal(size=FEWEST - 1)])
def test_of_little_or_nothing_no_fact_is_judged(returns: np.ndarray) -> None:
    found = findings(Series(returns, returns), "1m")
    assert [one.fact for one in found] == list(FACTS)
    assert {(one.n, one.verdict) for one in found} == {(returns.size, "too few")}
    assert json.loads(json.dumps(found[0].form()))["value"] is None
    assert len(list(table_of(found))) == len(FACTS) + 1


def test_what_a_normal_walk_does_not_show_is_not_followed_further() -> None:
    rng = np.random.default_rng(4)
    found = {one.fact.name: one for one in findings(Series(rng.normal(size=5000), rng.random(5000)), "1s")}
    outside = {name for name, one in found.items() if one.verdict == "outside"}
    assert {"excess_kurtosis", "volatility_clustering", "volume_volatility"} <= outside
    for follows in ("volatility_decay", "aggregational_gaussianity"):
        assert (found[follows].form()["value"], found[follows].verdict) == (None, "outside")
    assert found["autocorrelation"].verdict == found["leverage"].verdict == "inside"


def verdicts(name: str, ticks: int) -> dict[str, str]:
    """What the market shows over one second."""
    market, prices = MARKETS[name]
    return {one.fact.name: one.verdict for one in findings_of(market(42), prices, ticks) if one.horizon == "1s"}


def test_zero_intelligence_is_not_taken_for_a_market() -> None:
    found = verdicts("simulator, 50 agents", 8_000)
    assert {"excess_kurtosis", "volatility_clustering", "volume_volatility"} <= {
        name for name, verdict in found.items() if verdict == "outside"
    }


def test_the_order_book_shows_most_facts_and_contradicts_none() -> None:
    found = verdicts("orderbook", 12_000)
    assert "outside" not in found.values()
    assert sum(verdict == "inside" for verdict in found.values()) >= 6
