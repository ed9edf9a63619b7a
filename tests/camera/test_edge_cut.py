"""The cut of a frame's edges: which pairs it keeps, in which order, and that it favours nobody."""

from __future__ import annotations

import random

import numpy as np
import pytest

from camera.edge_cut import lots, strongest, strongest_mixed
from camera.snapshot import Edges
from camera.window import SlidingWindowCamera
from market.model.simulator import Simulator
from market.tick import Ints
from tests.camera.literal import place_of, splitmix64
from tests.camera.test_window import tick_of

SIZES = [(0, 5), (10, 0), (10, 10), (500, 60), (500, 499), (5, 9)]


def some_edges(rng: np.random.Generator, size: int) -> Edges:
    """So many different pairs of 200 agents, which met up to five times."""
    all_pairs = [(kind, low, high) for kind in (0, 1) for high in range(200) for low in range(high)]
    kinds, low, high = rng.choice(all_pairs, size, replace=False).T if size else np.empty((3, 0), np.int64)
    return Edges(kinds, low, high, rng.integers(1, 6, size))


def ordered(edges: Edges, most: int, agent_ids: Ints, order: str) -> list[tuple[int, int, int, int]]:
    """The same by a plain sort of the pairs, one by one."""
    ids = agent_ids.tolist()

    def key(edge: tuple[int, int, int, int]) -> tuple[int, ...]:
        kind, low, high, count = edge
        return -count, *place_of((kind, ids[low], ids[high]), order)

    return sorted(zip(*(column.tolist() for column in edges), strict=True), key=key)[:most]


def told(edges: Edges) -> list[tuple[int, int, int, int]]:
    return list(zip(*(column.tolist() for column in edges), strict=True))


@pytest.mark.parametrize(("size", "most"), SIZES)
def test_the_strongest_edges_are_those_of_a_plain_sort(size: int, most: int) -> None:
    edges, ids = some_edges(np.random.default_rng(1), size), np.arange(200) * 7
    assert told(strongest(edges, most)) == ordered(edges, most, ids, "id")
    assert told(strongest_mixed(edges, most, ids)) == ordered(edges, most, ids, "mixed")


def test_pairs_that_draw_the_same_lot_come_by_their_ids() -> None:
    ids = np.array([1, 2, 5, 2**32 + 5, 2**33 + 5])  # the upper bits of an id above 2^32 meet those of the lower one
    pairs = [(0, 2), (0, 3), (1, 2), (1, 4), (0, 1)]
    assert lots(ids[[0, 0]], ids[[2, 3]])[0] == lots(ids[[0, 0]], ids[[2, 3]])[1]
    low, high = np.array(pairs[::-1]).T
    edges = Edges(np.zeros(5, np.int64), low, high, np.full(5, 3))
    for most in range(6):
        assert told(strongest_mixed(edges, most, ids)) == ordered(edges, most, ids, "mixed")


def test_lots_are_those_of_splitmix64() -> None:
    assert splitmix64((3 << 32) | 7) == 578448316655889799, "the example of docs/protocol.md"
    assert splitmix64(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # the first number of SplitMix64 from seed 0
    low, high = [0, 0, 3, 2**31, 2**62], [0, 1, 2**32 - 1, 2**31 + 5, 2**63 - 1]
    expected = [splitmix64((one << 32) | other) for one, other in zip(low, high, strict=True)]
    assert lots(np.array(low), np.array(high)).tolist() == expected


def correlation_of_kept_degree_with_id(order: str) -> float:
    """Of 150 agents who match at random, and of whose pairs a frame keeps a quarter."""
    rng = random.Random(4)
    camera = SlidingWindowCamera(40, 40, edge_order=order)
    frame = None
    for t in range(41):
        tick = tick_of(t, [("none", 1.0)] * 150)
        pairs = [rng.sample(range(150), 2) for _ in range(130)]
        tick["matches"] = [{"a": a, "b": b, "prob": 0.5} for a, b in pairs]
        camera.ingest(tick)
        frame = camera.maybe_build_frame(t) or frame
    assert frame is not None
    assert len(frame["edges"]) == 8 * 150 < frame["window"]["pairs"]["match"] / 3
    kept = np.zeros(150)
    for edge in frame["edges"]:
        for end in ("src", "dst"):
            kept[int(edge[end].split("@")[0].removeprefix("agent:"))] += 1
    return float(np.corrcoef(np.arange(150), kept)[0, 1])


def test_the_cut_favours_nobody() -> None:
    assert abs(correlation_of_kept_degree_with_id("mixed")) < 0.1
    assert correlation_of_kept_degree_with_id("id") < -0.3


@pytest.mark.parametrize(("agents", "share", "matches"), [(300, 0.0, 8), (300, 0.25, 500), (74, 0.25, 213)])
def test_a_frame_of_a_large_market_has_matches_too(agents: int, share: float, matches: int) -> None:
    """And one in which they have their share anyway is as it was."""
    simulator, camera = Simulator(seed=1, agents=agents, fixed_agents=True), SlidingWindowCamera(type_share=share)
    frame = None
    for t in range(301):
        camera.ingest(simulator.step())
        frame = camera.maybe_build_frame(t) or frame
    assert frame is not None
    assert len(frame["edges"]) == min(2000, 8 * agents)
    assert sum(edge["type"] == "match" for edge in frame["edges"]) == matches
