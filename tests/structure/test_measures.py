"""The measures of a window's match graph against networkx, on graphs at random and on the golden tapes."""

import json
from pathlib import Path
from statistics import fmean

import networkx as nx
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from camera.snapshot import WholeWindow
from camera.window import SlidingWindowCamera
from market.tick import Tick
from structure.match_graph import communities, match_graph
from structure.measures import MEASURES, match_pairs, measures_of
from tests.structure.literal import graph_of, measures

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "golden"
Counts = dict[tuple[int, int], int]


def window_of(agents: int, counts: Counts, sides: list[int] | None = None, pool: int = 0, near: int = 0) -> WholeWindow:
    """A window of agents 7, 10, 13, …, so that an id is nobody's place."""
    pairs = sorted(counts)
    low, high = np.array(pairs, np.int64).reshape(-1, 2).T
    met = np.array([counts[pair] for pair in pairs], np.int64)
    side = np.array([0] * agents if sides is None else sides, np.int64)
    return WholeWindow(300, 7 + 3 * np.arange(agents), side, low, high, met, near, int(met.sum()), pool)


def complete(agents: int) -> WholeWindow:
    return window_of(agents, {(a, b): 2 for a in range(agents) for b in range(a + 1, agents)})


def ids_of(window: WholeWindow) -> set[tuple[int, int]]:
    return {(low, high) for low, high in match_pairs(window).tolist()}


def assert_same(window: WholeWindow, last: WholeWindow | None) -> None:
    """What networkx finds is found."""
    found = measures_of(window, None if last is None else match_pairs(last))
    expected = measures(window, None if last is None else ids_of(last))
    assert tuple(found) == MEASURES
    for name, value in expected.items():
        assert found[name] == (value if value is None else pytest.approx(value, abs=1e-6)), name
    assert_grouped(window, found["communities"], found["modularity"])


def assert_grouped(window: WholeWindow, count: float | None, quality: float | None) -> None:
    if not window.match_low.size:
        assert (count, quality) == (0, None)
        return
    graph = graph_of(window)
    labels = communities(match_graph(window))
    linked = [node for node in graph if graph.degree(node)]
    groups = [{node for node, label in zip(linked, labels, strict=True) if label == one} for one in set(labels)]
    assert count == len(groups)
    alone = [{node} for node in graph if not graph.degree(node)]
    assert quality == pytest.approx(nx.community.modularity(graph, groups + alone), abs=1e-6)


def quality_beyond_networkx(window: WholeWindow) -> float:
    """How much modularity our communities have more than networkx's (less, below zero)."""
    if not window.match_low.size:
        return 0.0
    graph = graph_of(window)
    theirs = nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=1))
    return measures_of(window, None)["modularity"] - theirs


@st.composite
def windows(draw: st.DrawFn) -> WholeWindow:
    agents = draw(st.integers(0, 14))
    pairs = [(a, b) for a in range(agents) for b in range(a + 1, agents)]
    counts = draw(st.dictionaries(st.sampled_from(pairs), st.integers(1, 9))) if pairs else {}
    sides = draw(st.lists(st.integers(0, 2), min_size=agents, max_size=agents))
    return window_of(agents, counts, sides, draw(st.integers(0, 20)), draw(st.integers(0, len(pairs))))


def random_counts(rng: np.random.Generator, agents: int, likely: np.ndarray) -> Counts:
    """Counts of the pairs that are drawn, each with its own likelihood."""
    low, high = np.triu(rng.random((agents, agents)) < likely, 1).nonzero()
    return dict(zip(zip(low.tolist(), high.tolist(), strict=True), rng.geometric(0.4, low.size), strict=True))


@given(windows(), windows() | st.none())
def test_equals_networkx_on_any_small_graph(window: WholeWindow, last: WholeWindow | None) -> None:
    assert_same(window, last)


@pytest.mark.parametrize(("agents", "chance"), [(40, 0.05), (74, 0.2), (1200, 0.002)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_networkx_on_larger_graphs(agents: int, chance: float, seed: int) -> None:
    """More agents than have their partners as bits, too; some agents trade much more than others."""
    rng = np.random.default_rng(seed)
    activity = rng.pareto(2, agents) + 0.5

    def window() -> WholeWindow:
        counts = random_counts(rng, agents, np.minimum(chance * np.outer(activity, activity), 1))
        return window_of(agents, counts, rng.integers(0, 3, agents).tolist(), 50, 2 * agents)

    found = window()
    assert_same(found, window())
    assert quality_beyond_networkx(found) > -0.02


def test_communities_are_as_good_as_those_of_networkx() -> None:
    """Both climb to a maximum near by, and neither always to the higher one: of many graphs, the mean is compared."""
    rng = np.random.default_rng(1)
    windows = [
        window_of(12, random_counts(rng, 12, np.full((12, 12), chance))) for chance in np.linspace(0.1, 0.9, 150)
    ]
    assert fmean(quality_beyond_networkx(window) for window in windows if window.match_low.size) > -0.002


@pytest.mark.parametrize("name", ["default", "churn", "sparse"])
def test_equals_networkx_on_golden_frames(name: str) -> None:
    settings = json.loads((GOLDEN / f"{name}.json").read_text())
    camera = SlidingWindowCamera(settings["W"], settings["stride"])
    last, frames = None, 0
    with (GOLDEN / f"{name}.ticks.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().splitlines()
    for line in lines:
        tick = Tick.from_json(line)
        camera.ingest(tick)
        if camera.maybe_shoot(tick.t) is not None:
            frames += 1
            window = camera.whole_window()
            if frames % 10 == 1:
                assert_same(window, last)
                assert quality_beyond_networkx(window) > -0.02
            last = window
    assert frames == settings["frames"]


def test_nobody_and_nothing_have_no_measures_but_those_that_count() -> None:
    found = measures_of(window_of(0, {}), None)
    assert found == dict.fromkeys(MEASURES) | {"communities": 0, "core": 0}


def test_one_agent_alone() -> None:
    found = measures_of(window_of(1, {}, pool=4), match_pairs(window_of(1, {})))
    assert found["isolated"] == found["giant"] == found["pool_share"] == 1
    assert found["density"] is found["persistence"] is found["strength_gini"] is None


def test_a_complete_graph_is_one_group_without_hubs() -> None:
    found = measures_of(complete(6), match_pairs(complete(6)))
    assert found["density"] == found["clustering"] == found["giant"] == found["persistence"] == 1
    assert (found["communities"], found["core"], found["modularity"]) == (1, 5, 0)
    assert found["strength_gini"] == 0
    assert found["assortativity"] is None  # all degrees are equal


def test_two_circles_of_friends_are_two_communities() -> None:
    found = measures_of(
        window_of(6, {(0, 1): 3, (1, 2): 3, (0, 2): 3, (3, 4): 3, (4, 5): 3, (3, 5): 3, (2, 3): 1}), None
    )
    assert found["communities"] == 2
    assert found["modularity"] == pytest.approx(18 / 19 - 2 * (19 / 38) ** 2, abs=1e-6)


def test_the_pairs_of_before_may_be_any_pairs_of_ids() -> None:
    window = window_of(3, {(0, 1): 1, (1, 2): 1})
    assert measures_of(window, np.array([(7, 10), (7, 2**53)]))["persistence"] == pytest.approx(1 / 3, abs=1e-6)
    assert measures_of(window, match_pairs(window_of(3, {})))["persistence"] == 0
