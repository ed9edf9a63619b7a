"""Ticks whose agents have names, and whose matches have a price and a size of their own."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from market.agent_ids import InMemoryAgentIds
from market.tick import Tick, TickError


def message(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "type": "tick",
        "t": 3,
        "ts": 1e9,
        "s": {"price_norm": 0.5, "volatility": 0.0, "liquidity": 1.0, "imbalance": 0.0},
        "agents": [
            {"id": 4, "name": 'ann "the @#|" é', "experience": 0.5},
            {"id": 9, "name": "0xbeef", "experience": 0.25},
        ],
        "actions": [
            {"id": 0, "side": "buy", "price": 10.0, "size": 1.0},
            {"id": 1, "side": "sell", "price": 11.0, "size": 2.0},
        ],
        "matches": [
            {"a": 0, "b": 1, "prob": 1.0, "price": 10.5, "size": 0.25},
            {"a": 0, "b": -1, "prob": 1.0, "price": 10.75},
        ],
    }
    return plain | changes


def test_a_named_tick_is_written_as_it_was_read() -> None:
    tick = Tick.from_dict(message())
    assert tick.names == ('ann "the @#|" é', "0xbeef")
    assert tick.match_sizes is not None
    assert math.isnan(tick.match_sizes[1])
    assert orjson.loads(tick.to_json()) == message()
    assert Tick.from_json(tick.to_json()).to_json() == tick.to_json()
    assert orjson.loads(tick.placed(7, 2e9).to_json()) == message(t=7, ts=2e9)


def test_a_named_tick_may_leave_its_ids_to_whoever_knows_the_names() -> None:
    tick = Tick.from_dict(message(agents=[{"name": "b", "experience": 0.0}, {"name": "a", "experience": 0.0}]))
    ids = InMemoryAgentIds()
    assert ids.ids_of(["a", "c"], 0).tolist() == [0, 1]
    assert tick.names is not None
    assert tick.named(ids.ids_of(tick.names, 3)).agent_ids.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"agents": [{"id": 0, "name": "a", "experience": 0.0}, {"id": 1, "experience": 0.0}]}, "agents[1]: name must"),
        ({"agents": [{"name": "a", "experience": 0.0}, {"name": "a", "experience": 0.0}]}, "name 'a' is there twice"),
        ({"agents": [{"name": "a", "experience": 0.0}, {"id": 1, "name": "b", "experience": 0.0}]}, "lacks 'id'"),
        ({"agents": [{"name": "", "experience": 0.0}, {"name": "b", "experience": 0.0}]}, "agents[0]: name must be 1"),
        ({"agents": [{"name": "\n", "experience": 0.0}, {"name": "b", "experience": 0.0}]}, "got '\\n'"),
        ({"agents": [{"name": "a", "experience": 0.0}, {"name": "b" * 129, "experience": 0.0}]}, "agents[1]: name"),
        ({"agents": [{"name": 5, "experience": 0.0}, {"name": "b", "experience": 0.0}]}, "got 5"),
        ({"matches": [{"a": 0, "b": 1, "prob": 1.0, "price": "1"}]}, "matches[0]: price must be a number"),
        ({"matches": [{"a": 0, "b": 1, "prob": 1.0, "size": 1e300}]}, "matches[0]: size must be a number"),
        ({"matches": [{"a": 0, "b": 1, "prob": 1.0, "size": -1.0}]}, "matches[0]: size must not be negative"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(TickError) as caught:
        Tick.from_dict(message(**changes))
    assert told in str(caught.value)
