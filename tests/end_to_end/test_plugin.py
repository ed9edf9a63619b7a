"""Somebody's model in the current directory, `IG_SOURCE=python:walk:Market`, through the whole application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.source_proof import CAMERA, assert_proves_itself, assert_serves_a_market, ts_of
from tests.processes import Site

WALK = '''
"""A price that walks at random, and agents who quote around it and trade in pairs."""

import pickle
import random


class Market:
    price_range = (0, 200)

    def __init__(self, seed: int, agents: int = 4, fails_at: int | None = None):
        self.dice, self.agents, self.fails_at, self.steps, self.price = random.Random(seed), agents, fails_at, 0, 100.0

    def step(self):
        if self.steps == self.fails_at:
            raise RuntimeError("the model broke")
        self.steps += 1
        self.price += self.dice.gauss(0, 0.1)
        quotes = [round(self.price + self.dice.gauss(0, 1), 2) for _ in range(self.agents)]
        return {
            "s": {"price_norm": self.price / 200, "volatility": 0.1, "liquidity": 1.0, "imbalance": 0.0},
            "agents": [{"id": i, "name": f"walker {i}", "experience": 0.5} for i in range(self.agents)],
            "actions": [
                {"id": i, "side": ("buy", "sell")[i % 2], "price": price, "size": 1} for i, price in enumerate(quotes)
            ],
            "matches": [{"a": 0, "b": 1, "prob": 1.0, "price": self.price, "size": 1}],
        }

    def checkpoint(self):
        return pickle.dumps(self.__dict__)

    def restore(self, state):
        self.__dict__ = pickle.loads(state)
'''

MARKET = {"IG_SOURCE": "python:walk:Market?agents=5", "IG_START_TS": 1.7e9, "IG_SEED": 3, **CAMERA}


@pytest.fixture
def walking_site(new_site: Callable[[], Site]) -> Callable[[], Site]:
    def made() -> Site:
        site = new_site()
        (site.directory / "walk.py").write_text(WALK)
        return site

    return made


def test_an_error_ends_the_run_with_the_models_own_traceback(walking_site: Callable[[], Site]) -> None:
    site = walking_site()
    made = site.run("runmarket", "--source", "python:walk:Market?fails_at=50", "--speed", "0", **CAMERA)
    assert made.returncode == 1
    said = made.stderr.splitlines()
    assert said[0] == "CommandError: python:walk:Market: step() after t=49 failed:"
    assert [line for line in said if "File" in line] == [f'  File "{site.directory}/walk.py", line 16, in step']
    assert said[-1] == "RuntimeError: the model broke"
    assert ts_of(site) == list(range(50))
    assert_proves_itself(site)


def test_a_model_that_cannot_be_made_ends_the_start(walking_site: Callable[[], Site]) -> None:
    site = walking_site()
    made = site.run("live", "--source", "python:walk:Market?agents=many")
    said = "CommandError: python:walk:Market: option agents must be an integer, got 'many'\n"
    assert (made.returncode, made.stderr) == (1, said)


@pytest.mark.long
def test_a_kill_leaves_no_trace(walking_site: Callable[[], Site]) -> None:
    broken, whole = walking_site(), walking_site()
    live = broken.serve(IG_SPEED=5, **MARKET)
    live.wait_for_ticks(120)
    assert_serves_a_market(live)
    assert live.json("/health")["meta"]["price_range"] == [0, 200]
    live.kill()
    live = broken.serve(IG_SPEED=5, **MARKET)
    live.wait_for_ticks(live.wait_for_ticks(0) + 20)
    assert live.stop() == 0
    ticks = len(ts_of(broken))
    made: Any = whole.run("runmarket", "--ticks", str(ticks), "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    for kind in ("ticks", "metrics", "frames"):
        assert broken.text(kind) == whole.text(kind)
    assert_proves_itself(broken)
