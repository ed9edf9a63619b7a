"""The whole window: every match before any cut, against a plain count from the ticks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera import edges
from camera.frame import SIDES
from camera.snapshot import WholeWindow
from camera.window import SlidingWindowCamera
from tests.camera import literal
from tests.camera.test_window import random_market, tick_of
from tests.examples import at_most

EPS = 0.003


def as_counted(found: WholeWindow) -> dict[str, Any]:
    """What a whole window says, by the agents' ids."""
    ids = found.agent_ids.tolist()
    pairs = list(zip(found.match_low.tolist(), found.match_high.tolist(), strict=True))
    assert pairs == sorted(pairs)
    return {
        "ids": ids,
        "sides": [SIDES[side] for side in found.dominant_side.tolist()],
        "pairs": {(ids[low], ids[high]): n for (low, high), n in zip(pairs, found.match_counts.tolist(), strict=True)},
        "proximity_pairs": found.proximity_pairs,
        "matches": (found.agent_matches, found.pool_matches),
    }


def counted(run: list[dict[str, Any]], t: int, W: int) -> dict[str, Any]:
    """The same from the ticks of the window that ends at t, counted one by one."""
    met = literal.pair_counts(run, t, W, EPS)
    pairs = {(low, high): count for (kind, low, high), count in met.items() if kind == 0}
    window = [tick for tick in run if t - W < tick["t"] <= t]
    pool = sum(match["b"] == -1 for tick in window for match in tick["matches"])
    everyone = literal.frame(run, t, W, 1, EPS, 0, False)
    return {
        "ids": [node["agent_id"] for node in everyone["nodes"]],
        "sides": [node["features"]["dominant_side"] for node in everyone["nodes"]],
        "pairs": pairs,
        "proximity_pairs": len(met) - len(pairs),
        "matches": (sum(pairs.values()), pool),
    }


def windows_of(run: list[dict[str, Any]], camera: SlidingWindowCamera) -> dict[int, dict[str, Any]]:
    """What the camera says of each full window at a stride's end, by t; its frames are made as well."""
    found = {}
    for tick in run:
        camera.ingest(tick)
        if camera.maybe_shoot(tick["t"]) is not None:
            found[tick["t"]] = as_counted(camera.whole_window())
    return found


@settings(max_examples=at_most(40))
@given(
    seed=st.integers(0, 2**32),
    W=st.integers(1, 25),
    stride=st.integers(1, 12),
    cap=st.sampled_from([0, 3, 2000]),
    node_cap=st.sampled_from([1, 4, 5000]),
    on_grid=st.booleans(),
)
def test_holds_all_that_the_ticks_hold(seed: int, W: int, stride: int, cap: int, node_cap: int, on_grid: bool) -> None:
    run = random_market(seed, 60, on_grid=on_grid)
    found = windows_of(run, SlidingWindowCamera(W, stride, EPS, cap, node_cap))
    assert list(found) == [t for t in range(60) if t >= W and t % stride == 0]
    for t, window in found.items():
        assert window == counted(run, t, W)


def test_holds_all_of_more_agents_than_a_matrix_of_pairs_is_kept_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "DENSE_SLOTS", 16)
    run = random_market(3, 60)
    for t, window in windows_of(run, SlidingWindowCamera(20, 5)).items():
        assert window == counted(run, t, 20)


def matched(t: int, ids: list[int], matches: list[tuple[int, int]]) -> dict[str, Any]:
    tick = tick_of(t, [("none", 1.0)] * len(ids))
    tick["agents"] = [{"id": i, "experience": 0.0} for i in ids]
    tick["matches"] = [{"a": ids.index(a), "b": b if b < 0 else ids.index(b), "prob": 0.5} for a, b in matches]
    return tick


def test_counts_thousands_of_agents() -> None:
    ids = list(range(3000))
    camera = SlidingWindowCamera(2, 1)
    run = [
        matched(0, ids, [(0, 1)]),
        matched(1, ids, [(2999, 7), (7, 2999), (2998, -1)]),
        matched(2, ids, [(7, 2999), (5, 6), (2998, -1), (3, -1)]),
    ]
    for tick in run:
        camera.ingest(tick)
    found = camera.whole_window()
    assert found.agent_ids.tolist() == ids
    assert as_counted(found)["pairs"] == {(7, 2999): 3, (5, 6): 1}
    assert (found.agent_matches, found.pool_matches, found.window) == (4, 3, 2)


def test_agents_leave_it_with_their_last_tick() -> None:
    camera = SlidingWindowCamera(3, 1)
    for t in range(3):
        camera.ingest(matched(t, [4, 9], [(4, 9), (4, -1)]))
    seen = []
    for t in range(3, 7):
        camera.ingest(matched(t, [9, 2], [(9, 2)]))
        found = as_counted(camera.whole_window())
        seen.append((found["ids"], found["pairs"], found["matches"]))
    assert seen == [
        ([2, 4, 9], {(4, 9): 2, (2, 9): 1}, (3, 2)),
        ([2, 4, 9], {(4, 9): 1, (2, 9): 2}, (3, 1)),
        ([2, 9], {(2, 9): 3}, (3, 0)),
        ([2, 9], {(2, 9): 3}, (3, 0)),
    ]


def test_holds_what_there_is_before_the_window_is_full() -> None:
    camera = SlidingWindowCamera(300, 10)
    camera.ingest(tick_of(0, [("buy", 1.0), ("sell", 2.0)]))
    camera.ingest(tick_of(1, [("buy", 1.0), ("none", 2.0)]))
    found = as_counted(camera.whole_window())
    assert (found["ids"], found["sides"]) == ([0, 1], ["buy", "sell"])


def test_an_empty_camera_has_an_empty_window() -> None:
    found = as_counted(SlidingWindowCamera().whole_window())
    assert found == {"ids": [], "sides": [], "pairs": {}, "proximity_pairs": 0, "matches": (0, 0)}
