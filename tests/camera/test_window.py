"""The sliding window: against a literal reading of the contract, and in the corners of time."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera import edges
from camera.errors import OrderError
from camera.frame import frame_json, frame_of
from camera.window import SlidingWindowCamera
from market.model.simulator import Simulator
from market.tick import Tick, TickError
from tests.camera import literal
from tests.examples import at_most


def random_market(seed: int, ticks: int, *, first_t: int = 0, on_grid: bool = True) -> list[dict[str, Any]]:
    """Ticks of a market in which agents come, go and return, quotes tie, and some ticks are silent."""
    rng = random.Random(seed)
    around = rng.choice([0.5, 100.0, 50_000.0])
    spread = rng.choice([0.0, 0.002, 0.1])
    present = set(rng.sample(range(20), rng.randint(0, 6)))
    run = []
    for t in range(first_t, first_t + ticks):
        if rng.random() < 0.2:
            present ^= {rng.randint(0, 25) if rng.random() < 0.7 else 1000 + t}
        ids = sorted(present)
        rng.shuffle(ids)
        silent = rng.random() < 0.15
        actions = []
        for i in range(len(ids)):
            price = around * (1 + spread * rng.uniform(-1, 1))
            price = round(price, rng.choice([1, 2])) if on_grid else price
            side = "none" if silent else rng.choice(["buy", "sell", "none"])
            actions.append({"id": i, "side": side, "price": price, "size": 1.0})
        pairs = [rng.sample(range(len(ids)), 2) for _ in range(rng.choice([0, 0, 1, 2, 9]))] if len(ids) > 1 else []
        matches = [{"a": a, "b": rng.choice([b, -1]), "prob": 0.5} for a, b in pairs]
        state = {"price_norm": rng.choice([0.5, 0.5, 0.5, 0.9]), "volatility": 0.1, "imbalance": 0.0}
        run.append(
            {
                "type": "tick",
                "t": t,
                "s": {**state, "liquidity": rng.choice([0.2, 0.2, 1.0])},
                "agents": [{"id": i, "experience": round(rng.random(), 6)} for i in ids],
                "actions": actions,
                "matches": matches,
            }
        )
    return run


def film(run: list[dict[str, Any]], camera: SlidingWindowCamera) -> list[dict[str, Any]]:
    frames = []
    for tick in run:
        camera.ingest(tick)
        snapshot = camera.maybe_shoot(tick["t"])
        if snapshot is not None:
            frame = frame_of(snapshot)
            assert frame_json(snapshot) == orjson.dumps(frame)
            frames.append(frame)
    return frames


@settings(max_examples=at_most(60))
@given(
    seed=st.integers(0, 2**32),
    W=st.integers(1, 25),
    stride=st.integers(1, 12),
    cap=st.sampled_from([0, 3, 12, 2000]),
    node_cap=st.sampled_from([1, 4, 5000]),
    first_t=st.sampled_from([0, 7, 1000]),
    on_grid=st.booleans(),
    order=st.sampled_from(["mixed", "id"]),
    share=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_frames_are_what_the_contract_says(
    seed: int, W: int, stride: int, cap: int, node_cap: int, first_t: int, on_grid: bool, order: str, share: float
) -> None:
    run = random_market(seed, 70, first_t=first_t, on_grid=on_grid)
    frames = film(run, SlidingWindowCamera(W, stride, 0.003, cap, node_cap, order, share))
    as_before = film(run, SlidingWindowCamera(W, stride, 0.003, cap, node_cap, None))
    if order == "id":
        assert as_before == [literal.without_further_fields(frame) for frame in frames]
    due = [t for t in range(first_t, first_t + 70) if t >= W and t % stride == 0 and t - W + 1 >= first_t]
    assert [frame["t"] for frame in frames] == due
    for frame in frames:
        first = frame["t"] == due[0]
        expected = literal.frame(run, frame["t"], W, stride, 0.003, cap, first, node_cap, order, share)
        literal.assert_same(frame, expected)


def test_counts_anew_what_is_too_many_for_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    run = random_market(3, 60)
    dense = film(run, SlidingWindowCamera(20, 5, edge_cap=12))
    monkeypatch.setattr(edges, "DENSE_SLOTS", 0)
    monkeypatch.setattr(edges, "_TABLE_BITS", 4)
    assert film(run, SlidingWindowCamera(20, 5, edge_cap=12)) == dense


def test_a_frame_depends_on_its_window_alone() -> None:
    """A camera that began later makes the same bytes: nothing drifts, whatever went before."""
    simulator = Simulator(seed=5, adjust_interval=40)
    run = [simulator.step() for _ in range(1400)]
    late = SlidingWindowCamera(300, 10)
    late.filmed = True
    long = film([tick.to_dict() for tick in run], SlidingWindowCamera(300, 10))
    short = film([tick.to_dict() for tick in run[1000:]], late)
    assert short == long[-len(short) :]
    assert len(short) == 10


def tick_of(t: int, quotes: list[tuple[str, float]], **more: Any) -> dict[str, Any]:
    return {
        "t": t,
        "s": {"price_norm": 0.5, "volatility": 0.0, "liquidity": 0.0, "imbalance": 0.0},
        "agents": [{"id": i, "experience": 0.0} for i in range(len(quotes))],
        "actions": [{"id": i, "side": side, "price": price, "size": 1} for i, (side, price) in enumerate(quotes)],
        "matches": [],
        **more,
    }


def pairs(frame: dict[str, Any]) -> list[tuple[str, str]]:
    return [(e["src"].split("@")[0], e["dst"].split("@")[0]) for e in frame["edges"]]


def one_frame(tick: dict[str, Any], eps_pct: float = 0.003) -> dict[str, Any]:
    camera = SlidingWindowCamera(1, 1, eps_pct)
    camera.ingest(tick_of(0, []))
    camera.ingest(tick)
    frame = camera.maybe_build_frame(1)
    assert frame is not None
    return frame


def test_quotes_of_equal_price_stand_in_the_order_of_the_tick() -> None:
    frame = one_frame(tick_of(1, [("buy", 100.0), ("buy", 100.0), ("buy", 99.9), ("sell", 200.0)]))
    assert pairs(frame) == [("agent:0", "agent:1"), ("agent:1", "agent:2")]


def test_a_quote_exactly_at_the_bound_is_a_neighbour_and_one_beyond_is_none() -> None:
    quotes = [("sell", 49_925.0), ("sell", 50_075.0), ("buy", 50_000.0)]
    assert pairs(one_frame(tick_of(1, quotes))) == [("agent:0", "agent:1")]
    quotes[1] = ("sell", 50_075.01)
    assert pairs(one_frame(tick_of(1, quotes))) == []


def test_a_given_mid_is_used() -> None:
    quotes = [("buy", 100.0), ("buy", 101.0)]
    assert pairs(one_frame(tick_of(1, quotes))) == []
    assert pairs(one_frame(tick_of(1, quotes, mid=400.0))) == [("agent:0", "agent:1")]
    camera = SlidingWindowCamera(1, 1)
    camera.ingest(tick_of(0, []))
    camera.ingest(tick_of(1, quotes), mid=400.0)
    frame = camera.maybe_build_frame(1)
    assert frame is not None
    assert pairs(frame) == [("agent:0", "agent:1")]


def test_the_last_known_mid_outlives_the_window_and_a_gap() -> None:
    camera = SlidingWindowCamera(2, 1)
    camera.ingest(tick_of(0, [("buy", 100.0)]))
    for t in (1, 2, 3, 9, 10):
        camera.ingest(tick_of(t, [("none", 5.0)]))
    assert camera.last_mid == 100.0
    camera.ingest(tick_of(11, [("none", 5.0)]))
    assert camera.maybe_build_frame(11) is not None


def test_a_gap_empties_the_window() -> None:
    camera = SlidingWindowCamera(5, 5)
    made = []
    for t in [*range(12), *range(14, 26)]:
        camera.ingest(tick_of(t, [("buy", 100.0)]))
        if camera.maybe_build_frame(t):
            made.append(t)
    assert made == [5, 10, 20, 25]


def test_only_rising_t_is_taken() -> None:
    camera = SlidingWindowCamera()
    camera.ingest(tick_of(5, []))
    for t in (5, 4):
        with pytest.raises(OrderError, match=f"^tick {t} does not come after tick 5$"):
            camera.ingest(tick_of(t, []))
    with pytest.raises(TickError, match="a tick lacks 'agents'"):
        camera.ingest({"t": 6, "s": {}})
    assert camera.last_t == 5


def test_memory_does_not_grow_with_the_ids_that_were() -> None:
    camera = SlidingWindowCamera(20, 10)
    for t in range(3000):
        tick = tick_of(t, [("buy", 100.0), ("sell", 101.0)])
        tick["agents"] = [{"id": 2 * t, "experience": 0.0}, {"id": 2 * t + 1, "experience": 0.0}]
        camera.ingest(tick)
        camera.maybe_build_frame(t)
    assert camera._slots.capacity <= 100
    assert all(queue._arrays[0].size <= 1000 for queue in (*camera._pairs._queues, camera._entries._queue))


def test_a_market_of_a_thousand_agents() -> None:
    simulator = Simulator(seed=1, agents=1000, fixed_agents=True)
    camera = SlidingWindowCamera(20, 10)
    frame = None
    for _ in range(31):
        tick: Tick = simulator.step()
        camera.ingest(tick)
        frame = camera.maybe_build_frame(tick.t) or frame
    assert frame is not None
    assert len(frame["nodes"]) == 1000
    assert len(frame["edges"]) == 2000
    weights = [edge["w"] for edge in frame["edges"]]
    assert weights == sorted(weights, reverse=True)
