"""Any model in the manner of the published one (docs/model.md) as a market: what its steps result in becomes ticks.

    python manage.py live --source 'python:examples.model_wrapper:Market?model=my_model:Simulator'

The model is a class without arguments whose `step()` returns four things:

- the state: an object with `price_norm`, `volatility`, `liquidity` and `imbalance`, all from 0 to 1
- the agents: objects with an `experience_score`; they may come and go
- an action of each agent, in their order: an object with `price`, `side` ("buy" or "sell") and `qty`
- the actions that were matched, each alone or as a pair of its index and itself

It may draw from the global generators of `random` and NumPy: they are seeded, and kept with the checkpoint.
"""

from __future__ import annotations

import importlib
import pickle
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class Market:
    """The model that `model` names as MODULE:NAME."""

    def __init__(self, seed: int, model: str) -> None:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        module, _, name = model.partition(":")
        self.model = getattr(importlib.import_module(module), name)()
        self.ids: dict[Any, int] = {}
        self.next_id = 0

    def step(self) -> dict[str, Any]:
        state, agents, actions, matches = self.model.step()
        numbers = {name: getattr(state, name) for name in ("price_norm", "volatility", "liquidity")}
        return {
            # Its imbalance is 0 where everybody sells and 1 where everybody buys, a tick's -1 and 1.
            "s": {**numbers, "imbalance": 2 * state.imbalance - 1},
            "agents": self.agents(agents),
            "actions": [{"id": i, "side": str(a.side), "price": a.price, "size": a.qty} for i, a in enumerate(actions)],
            "matches": [{"a": i, "b": -1, "prob": 1.0} for i in matched(actions, matches)],
        }

    def agents(self, agents: Sequence[Any]) -> list[dict[str, Any]]:
        """The agents by ids of our own: the model may give the number of one that left to another."""
        known, self.ids = self.ids, {}
        for agent in agents:
            self.ids[agent] = known.get(agent, self.next_id)
            self.next_id = max(self.next_id, self.ids[agent] + 1)
        return [{"id": self.ids[agent], "experience": agent.experience_score} for agent in agents]

    def checkpoint(self) -> bytes:
        return pickle.dumps((self.model, self.ids, self.next_id, random.getstate(), np.random.get_state()))

    def restore(self, state: bytes) -> None:
        self.model, self.ids, self.next_id, of_random, of_numpy = pickle.loads(state)
        random.setstate(of_random)
        np.random.set_state(of_numpy)


def matched(actions: Sequence[Any], matches: Iterable[Any]) -> list[int]:
    """The places of the matched actions; whom they met the model does not say, so each met the outside pool."""
    place = {id(action): i for i, action in enumerate(actions)}
    return [match[0] if isinstance(match, tuple) else place[id(match)] for match in matches]
