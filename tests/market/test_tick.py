"""The tick as JSON: exact both ways, and an error that names the field for everything else."""

from __future__ import annotations

import copy
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from market.tick import BUY, NONE, SELL, MarketError, Tick, TickError

GOLDEN = Path(__file__).parents[1] / "data" / "golden"

numbers = st.floats(-(2.0**53), 2.0**53, allow_nan=False)
integers = st.integers(0, 2**53)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """Tick messages with their fields in the order in which they are written."""
    ids = draw(st.lists(integers, unique=True, max_size=5))
    index = st.integers(0, max(len(ids) - 1, 0))
    sides = st.sampled_from(["buy", "sell", "none"])
    pairs = st.tuples(index, st.integers(-1, max(len(ids) - 1, 0))).filter(lambda pair: pair[0] != pair[1])
    message: dict[str, Any] = {"type": "tick", "t": draw(integers)}
    if draw(st.booleans()):
        message["ts"] = draw(numbers)
    message["s"] = {name: draw(numbers) for name in ("price_norm", "volatility", "liquidity", "imbalance")}
    if draw(st.booleans()):
        message["mid"] = draw(numbers)
    message["agents"] = [{"id": i, "experience": draw(numbers)} for i in ids]
    message["actions"] = [
        {"id": i, "side": draw(sides), "price": draw(numbers), "size": draw(numbers)} for i in range(len(ids))
    ]
    matches = draw(st.lists(pairs, max_size=4)) if ids else []
    message["matches"] = [{"a": a, "b": b, "prob": draw(numbers)} for a, b in matches]
    return message


def a_message() -> dict[str, Any]:
    return {
        "type": "tick",
        "t": 12345,
        "ts": 1769192681.95,
        "s": {"price_norm": 0.49875, "volatility": 0.003, "liquidity": 1.0, "imbalance": 0.0},
        "agents": [{"id": 0, "experience": 0.123}, {"id": 7, "experience": 0.456}],
        "actions": [
            {"id": 0, "side": "buy", "price": 51000.0, "size": 1.0},
            {"id": 1, "side": "sell", "price": 50000.0, "size": 2.0},
        ],
        "matches": [{"a": 0, "b": 1, "prob": 0.61}],
    }


@given(messages())
def test_a_line_comes_back_byte_for_byte(message: dict[str, Any]) -> None:
    line = orjson.dumps(message)
    assert Tick.from_json(line).to_json() == line


@given(messages())
def test_a_message_comes_back_as_the_same_objects(message: dict[str, Any]) -> None:
    assert Tick.from_dict(message).to_dict() == message


@pytest.mark.parametrize("name", ["default", "churn", "reference", "events", "sparse"])
def test_every_golden_line_comes_back_byte_for_byte(name: str) -> None:
    compressed = (GOLDEN / f"{name}.ticks.jsonl.zst").read_bytes()
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed), read_across_frames=True)
    lines = reader.read().splitlines()
    assert len(lines) == orjson.loads((GOLDEN / f"{name}.json").read_bytes())["ticks"]
    assert [Tick.from_json(line).to_json() for line in lines] == lines


def test_the_columns_hold_what_the_message_said() -> None:
    tick = Tick.from_dict(a_message())
    assert (tick.t, tick.ts, tick.mid) == (12345, 1769192681.95, None)
    assert tick.agent_ids.tolist() == [0, 7]
    assert tick.experience.tolist() == [0.123, 0.456]
    assert tick.sides.tolist() == [BUY, SELL]
    assert tick.prices.tolist() == [51000.0, 50000.0]
    assert tick.sizes.tolist() == [1.0, 2.0]
    assert (tick.match_a.tolist(), tick.match_b.tolist(), tick.match_prob.tolist()) == ([0], [1], [0.61])
    assert tick.state() == a_message()["s"]
    columns = (tick.agent_ids, tick.experience, tick.sides, tick.prices, tick.match_a, tick.match_b)
    assert [column.dtype for column in columns] == [
        np.int64, np.float64, np.int8, np.float64, np.int64, np.int64,
    ]  # fmt: skip


def test_a_tick_without_agents_has_empty_columns_of_the_right_types() -> None:
    message = a_message() | {"agents": [], "actions": [], "matches": []}
    tick = Tick.from_dict(message)
    assert (tick.agent_ids.dtype, tick.sides.dtype, tick.match_b.dtype) == (np.int64, np.int8, np.int64)
    assert tick.to_dict() == message


def test_a_side_of_none_and_a_match_with_the_pool_are_kept() -> None:
    message = a_message()
    message["actions"][0]["side"] = "none"
    message["matches"] = [{"a": 1, "b": -1, "prob": 0.5}]
    tick = Tick.from_dict(message)
    assert (tick.sides.tolist(), tick.match_b.tolist()) == ([NONE, SELL], [-1])
    assert tick.to_dict() == message


def test_type_may_be_missing_and_unknown_fields_are_ignored() -> None:
    message = a_message()
    del message["type"]
    message["exchange"] = "X"
    message["agents"][0]["mood"] = "good"
    assert Tick.from_dict(message).to_dict() == a_message()


def test_a_placed_tick_differs_in_its_time_alone_and_shares_its_columns() -> None:
    tick = Tick.from_dict(a_message())
    placed = tick.placed(99, 5.25)
    assert placed.to_dict() == a_message() | {"t": 99, "ts": 5.25}
    assert placed.prices is tick.prices
    assert (tick.t, tick.ts) == (12345, 1769192681.95)


def test_the_json_of_ticks_is_theirs_whether_agents_and_sizes_stay_or_change() -> None:
    tick = Tick.from_dict(a_message())
    ids, same = tick.agent_ids, tick.sizes
    for agent_ids, sizes in [(ids, same)] * 3 + [(ids + 5, same)] + [(ids + 5, -same)] * 3:
        changed = replace(tick, agent_ids=agent_ids, sizes=sizes)
        assert changed.to_json() == orjson.dumps(changed.to_dict())


def without(*path: Any) -> Any:
    def change(message: Any) -> None:
        *holders, last = path
        for key in holders:
            message = message[key]
        del message[last]

    return change


def with_value(value: Any, *path: Any) -> Any:
    def change(message: Any) -> None:
        *holders, last = path
        for key in holders:
            message = message[key]
        message[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (with_value("metric", "type"), "type must be \"tick\", got 'metric'"),
        (with_value(None, "type"), 'type must be "tick", got None'),
        (without("t"), "a tick lacks 't'"),
        (with_value(-1, "t"), "a tick: t must be an integer from 0 to 2^53, got -1"),
        (with_value(1.0, "t"), "a tick: t must be an integer from 0 to 2^53, got 1.0"),
        (with_value(True, "t"), "a tick: t must be an integer from 0 to 2^53, got True"),
        (with_value(2**53 + 1, "t"), "a tick: t must be an integer from 0 to 2^53, got 9007199254740993"),
        (with_value("soon", "ts"), "a tick: ts must be a number within 2^53, got 'soon'"),
        (with_value(float("nan"), "mid"), "a tick: mid must be a number within 2^53, got nan"),
        (without("s"), "a tick lacks 's'"),
        (with_value([], "s"), "s must be an object, got []"),
        (without("s", "liquidity"), "s lacks 'liquidity'"),
        (with_value(None, "s", "imbalance"), "s: imbalance must be a number within 2^53, got None"),
        (with_value(1e300, "s", "volatility"), "s: volatility must be a number within 2^53, got 1e+300"),
        (without("agents"), "a tick lacks 'agents'"),
        (with_value({}, "agents"), "agents must be a list, got {}"),
        (with_value(3, "agents", 1), "agents[1] must be an object, got 3"),
        (without("agents", 1), "1 agents but 2 actions"),
        (with_value(0, "agents", 1, "id"), "agent 0 is there twice"),
        (with_value("7", "agents", 1, "id"), "agents[1]: id must be an integer from 0 to 2^53, got '7'"),
        (without("agents", 0, "experience"), "agents[0] lacks 'experience'"),
        (with_value(float("nan"), "actions", 1, "price"), "actions[1]: price must be a number within 2^53, got nan"),
        (with_value(-(2**60), "actions", 1, "size"), f"actions[1]: size must be a number within 2^53, got {-(2**60)}"),
        (with_value(True, "actions", 1, "price"), "actions[1]: price must be a number within 2^53, got True"),
        (
            with_value([1], "agents", 0, "experience"),
            "agents[0]: experience must be a number within 2^53, got […]",
        ),
        (with_value(None, "actions"), "actions must be a list, got None"),
        (with_value(0, "actions", 1, "id"), "actions[1]: id must be 1, got 0"),
        (with_value(True, "actions", 1, "id"), "actions[1]: id must be 1, got True"),
        (with_value(1.0, "actions", 1, "id"), "actions[1]: id must be 1, got 1.0"),
        (without("actions", 1, "id"), "actions[1]: id must be 1, got None"),
        (without("actions", 0, "side"), "actions[0] lacks 'side'"),
        (
            with_value("hold", "actions", 1, "side"),
            "actions[1]: side must be buy, sell or none, got 'hold'",
        ),
        (with_value([], "actions", 1, "side"), "actions[1]: side must be buy, sell or none, got []"),
        (
            with_value("50000", "actions", 0, "price"),
            "actions[0]: price must be a number within 2^53, got '50000'",
        ),
        (without("actions", 0, "size"), "actions[0] lacks 'size'"),
        (with_value("none", "matches"), "matches must be a list, got 'none'"),
        (with_value(None, "matches", 0), "matches[0] must be an object, got None"),
        (
            with_value(2, "matches", 0, "a"),
            "matches[0]: a must be an action index from 0 to 1, got 2",
        ),
        (
            with_value(-1, "matches", 0, "a"),
            "matches[0]: a must be an action index from 0 to 1, got -1",
        ),
        (
            with_value(-2, "matches", 0, "b"),
            "matches[0]: b must be an action index from -1 to 1, got -2",
        ),
        (with_value(0, "matches", 0, "b"), "matches[0]: a and b are the same action, 0"),
        (without("matches", 0, "prob"), "matches[0] lacks 'prob'"),
        (
            with_value("x" * 100, "matches", 0, "prob"),
            "matches[0]: prob must be a number within 2^53, got '" + "x" * 58 + "…",
        ),
    ],
)
def test_each_error_names_the_field_and_what_was_there(change: Any, text: str) -> None:
    message = copy.deepcopy(a_message())
    change(message)
    with pytest.raises(TickError) as caught:
        Tick.from_dict(message)
    assert str(caught.value) == text


@pytest.mark.parametrize(("message", "shown"), [([], "[]"), (None, "None"), (5, "5"), ("tick", "'tick'")])
def test_what_is_no_object_is_no_tick(message: Any, shown: str) -> None:
    with pytest.raises(TickError) as caught:
        Tick.from_dict(message)
    assert str(caught.value) == f"a tick is a JSON object, got {shown}"


@pytest.mark.parametrize("line", [b"", b"{", b'{"t":NaN}', b'{"t":"\xff"}', '{"t":1}}'])
def test_a_line_that_is_not_json_says_so(line: bytes | str) -> None:
    with pytest.raises(TickError, match=r"^not JSON: "):
        Tick.from_json(line)


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(TickError):
        Tick.from_json(b"[" * 10 * sys.getrecursionlimit())


def test_a_tick_error_is_a_market_error_and_a_value_error() -> None:
    assert issubclass(TickError, MarketError)
    assert issubclass(TickError, ValueError)


@given(st.recursive(st.none() | st.booleans() | numbers | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["type", "t", "s", "agents", "actions", "matches", "id", "a", "b"]), x
)))  # fmt: skip
def test_any_other_json_is_a_tick_error_and_nothing_else(message: Any) -> None:
    with pytest.raises(TickError):
        Tick.from_dict(message)
