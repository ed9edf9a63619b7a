"""Agents that have names in some ticks only are told of, and place none of the ticks otherwise."""

from __future__ import annotations

import logging

import pytest

from market.tick import Tick
from pipeline.continuation import Placement


def tick(t: int, *agents: dict[str, object]) -> Tick:
    return Tick.from_dict(
        {
            "t": t,
            "s": {"price_norm": 0.5, "volatility": 0.1, "liquidity": 0.5, "imbalance": 0.0},
            "agents": [{"experience": 0.0, **agent} for agent in agents],
            "actions": [{"id": i, "side": "none", "price": 0.0, "size": 0.0} for i in range(len(agents))],
            "matches": [],
        }
    )


UNNAMED, NAMED = [{"id": 3}, {"id": 7}], [{"name": "carol"}, {"name": "heidi"}]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ([UNNAMED, [], UNNAMED], []),
        ([NAMED, [], NAMED], []),
        ([UNNAMED, [], NAMED, UNNAMED, NAMED], ["t=12: agents have names here"]),
        ([[], NAMED, UNNAMED], ["t=12: agents have no names here"]),
    ],
)
def test_a_source_that_names_agents_in_some_ticks_is_told_of_once(
    kinds: list[list[dict[str, object]]], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    placement = Placement(10, 1.7e9, 0.1)
    with caplog.at_level(logging.WARNING):
        placed = [placement.place(tick(t, *agents)) for t, agents in enumerate(kinds)]
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == told
    ids = {id(UNNAMED): [3, 7], id(NAMED): [0, 1]}
    assert [one.agent_ids.tolist() for one in placed] == [ids.get(id(agents), []) for agents in kinds]
