"""The figures of the model over shorter runs, and the table: what passes, and how it is printed."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from market.model import figures
from market.model.figures import RESPONSE, Figure, Run, run
from market.model.simulator import Simulator


def test_a_figure_passes_when_its_mean_lies_within_the_bounds() -> None:
    assert Figure("x", (0.0, 1.0), 0.5, 0.5).passed
    assert not Figure("x", (0.0, 1.0), 0.51, 0.6).passed
    assert not Figure("x", (0.0, 1.0), 0.4, 0.49).passed


def test_a_row_shows_seeds_mean_target_and_verdict() -> None:
    row = Figure("mean liquidity", (0.6, 0.7), 0.598, 0.618).line()
    assert row == "mean liquidity                    0.6000  0.7000 |  0.6500 | 0.598 .. 0.618 | FAIL"


def test_a_run_sums_up_the_simulators_own_ticks() -> None:
    seen, simulator = run(Simulator(3, adjust_interval=100), 250), Simulator(3, adjust_interval=100)
    ticks = [simulator.step() for _ in range(250)]
    assert seen.liquidity == [tick.liquidity for tick in ticks]
    assert seen.price_norm == [tick.price_norm for tick in ticks]
    assert seen.experience == [float(ticks[t].experience.mean()) for t in (100, 200)]
    assert seen.agents_at_end == simulator.agents == 5


def test_the_model_has_five_figures_with_one_value_a_seed() -> None:
    measured = figures.model_figures(ticks=1_100, seeds=(1, 2))
    assert [len(figure.by_seed) for figure in measured] == [2] * 5
    assert measured[0].by_seed == (4.0, 4.0)
    assert measured[0].passed


def test_the_response_is_measured_at_each_published_number_of_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RESPONSE", {5: (0.0, 1.0), 13: (0.9, 1.0)})
    measured = list(figures.response_figures(ticks=50, seeds=(1,)))
    assert [figure.name for figure in measured] == ["mean liquidity, 5 agents", "mean liquidity, 13 agents"]
    assert [figure.passed for figure in measured] == [True, False]


def test_the_command_prints_the_table_and_fails_when_a_figure_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert figures.main(["--ticks", "1100", "--seeds", "1"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "(the targets are those of 50,000 ticks, of the response 100,000)"
    assert printed[2].startswith("agents at the end                 4.0000 |  4.0000 | 4.000 .. 4.000 | pass")
    assert len(printed) == 7


def test_too_few_ticks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        figures.main(["--ticks", "1000"])
    assert "--ticks must be more than 1000, got 1000" in capsys.readouterr().err


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [run(Simulator(seed, adjust_interval=1_000), 10_000) for seed in (42, 100, 200, 300, 400)]


def test_the_market_grows_by_one_at_every_adjustment(runs: list[Run]) -> None:
    assert [one.agents_at_end for one in runs] == [12] * 5


def test_mean_liquidity_of_a_young_market(runs: list[Run]) -> None:
    assert np.mean([one.liquidity for one in runs]) == pytest.approx(0.635, abs=0.010)


def test_mean_experience_of_a_young_market(runs: list[Run]) -> None:
    assert np.mean([one.experience for one in runs]) == pytest.approx(0.950, abs=0.030)


def test_the_price_wanders_a_little(runs: list[Run]) -> None:
    assert 0.010 < np.mean([np.std(one.price_norm) for one in runs]) < 0.030


@pytest.mark.parametrize("agents", [34, 55, 89, 200])
def test_the_published_liquidity_with_agents_held_fixed(agents: int) -> None:
    """By short samples of a settled market at each of the ages that 100,000 ticks go through."""
    samples = [run(settled(agents, age), 600).liquidity[100:] for age in range(0, 100_000, 10_000)]
    low, high = RESPONSE[agents]
    assert low - 0.005 < np.mean(samples) < high + 0.005


def settled(agents: int, age: int) -> Simulator:
    """A market whose agents have learned what there is to learn, so many ticks old."""
    saved = orjson.loads(Simulator(age, agents=agents, fixed_agents=True).checkpoint())
    return Simulator.restore(orjson.dumps(saved | {"t": age, "experience": [0.9] * agents}))
