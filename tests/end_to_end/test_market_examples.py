"""The markets of `examples/` and of the documentation, run as a user would, each to a recording that proves itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from market.sources.named import source_from
from market.sources.options import SourceSettings
from tests.end_to_end.source_proof import CAMERA, assert_proves_itself, ts_of
from tests.processes import ROOT, Site

#: A model in the manner of the published one: who is who is not said, and chance is everybody's.
PUBLISHED_MANNER = """
import random
from types import SimpleNamespace
import numpy as np

class Agent:
    experience_score = 0.1

class Simulator:
    def __init__(self):
        self.agents = [Agent() for _ in range(6)]

    def step(self):
        if random.random() < 0.1:
            self.agents = [*self.agents[1:], Agent()]
        actions = [SimpleNamespace(price=np.random.uniform(4e4, 6e4), side=np.random.choice(["buy", "sell"]), qty=1.0)
                   for _ in self.agents]
        matches = [(i, action) for i, action in enumerate(actions) if random.random() < 0.5]
        state = SimpleNamespace(price_norm=np.random.random(), volatility=0.1, liquidity=0.5, imbalance=0.75)
        return state, self.agents, actions, matches
"""

MESA = "python:examples.mesa_market:Market?chartists=20"
WRAPPER = "python:examples.model_wrapper:Market?model=published_manner:Simulator"


@pytest.fixture
def directory(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of the user, who has a model there."""
    (site.directory / "published_manner.py").write_text(PUBLISHED_MANNER)
    monkeypatch.chdir(site.directory)
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    return site.directory


def make(site: Site, source: str, ticks: int = 120) -> list[dict[str, Any]]:
    """The ticks of a run of its own."""
    made = site.run("runmarket", "--source", source, "--ticks", str(ticks), "--speed", "0", **CAMERA)
    assert made.returncode == 0, made.stderr
    assert "INFO" not in made.stderr, "it logs nothing step by step"
    assert_proves_itself(site)
    assert ts_of(site) == list(range(ticks))
    return site.messages("ticks")


def needs_mesa() -> None:
    pytest.importorskip("mesa", reason="needs Mesa: pip install mesa")


@pytest.mark.long
def test_mesa_agents_trade_by_name_at_one_price(site: Site) -> None:
    needs_mesa()
    ticks = make(site, MESA)
    assert {agent["name"].split("-")[0] for agent in ticks[0]["agents"]} == {"fundamentalist", "chartist", "maker"}
    for tick in ticks:
        assert len(tick["agents"]) == 65
        assert {match["price"] for match in tick["matches"]} <= {tick["mid"]}
        for match in tick["matches"]:
            buy, sell = tick["actions"][match["a"]], tick["actions"][match["b"]]
            assert (buy["side"], sell["side"]) == ("buy", "sell")
            assert buy["price"] + 0.01 >= match["price"] >= sell["price"] - 0.01
    assert sum(len(tick["matches"]) for tick in ticks) > len(ticks)


def test_a_published_model_needs_only_a_wrapper(site: Site, directory: Path) -> None:
    ticks = make(site, WRAPPER)
    assert ticks[0]["s"]["imbalance"] == 0.5
    ids = [agent["id"] for agent in ticks[-1]["agents"]]
    assert ids == list(range(ids[0], ids[0] + 6)), "one who joins has an id of its own"
    assert ids[0] > 0


@pytest.mark.parametrize("setting", [MESA, WRAPPER])
def test_their_state_is_all_of_them(directory: Path, setting: str) -> None:
    needs_mesa() if setting == MESA else None
    one, other = source_from(setting, SourceSettings(seed=3)), source_from(setting, SourceSettings(seed=4))
    assert len(list(islice(one, 30))) == 30
    state = one.checkpoint()
    expected = [tick.to_json() for tick in islice(one, 30)]
    other.restore(state)
    assert [tick.to_json() for tick in islice(other, 30)] == expected


@pytest.mark.skipif(shutil.which("awk") is None, reason="needs awk")
def test_awk_writes_a_market_into_a_pipe(site: Site) -> None:
    walk = ["awk", "-v", "seed=7", "-v", "ticks=120", "-f", str(ROOT / "examples" / "random_walk.awk")]
    with subprocess.Popen(walk, stdout=subprocess.PIPE) as awk:
        site.stdin = awk.stdout
        made = site.run("runmarket", "--source", "stdin?price_range=0,200", **CAMERA)
        site.stdin = subprocess.DEVNULL
    assert (made.returncode, made.stderr) == (0, "")
    assert_proves_itself(site)
    assert ts_of(site) == list(range(120))


def test_the_twenty_lines_of_the_documentation_are_a_market(site: Site) -> None:
    page = (ROOT / "docs" / "sources.md").read_text()
    (code,) = re.findall(r"## Your model in twenty lines\n.*?```python\n(.*?)```", page, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 20
    (site.directory / "my_market.py").write_text(code)
    ticks = make(site, "python:my_market:Market?agents=30")
    assert len(ticks[0]["agents"]) == 30
    assert any(tick["matches"] for tick in ticks)
