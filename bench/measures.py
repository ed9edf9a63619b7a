"""Measures of a frame's whole match graph: what they cost, beside networkx, which does the same in one run.

`python bench/measures.py` prints the median CPU time of `measures_of`, of networkx, and their ratio, for a frame of 74
agents with 600 pairs (at most 3 ms) and one of 2,000 agents with 20,000 pairs (at most 60 ms).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import networkx as nx
import numpy as np

from camera.snapshot import WholeWindow
from structure.measures import match_pairs, measures_of

FRAMES = ((74, 600, 3.0), (2000, 20_000, 60.0))


def window_of(agents: int, pairs: int, seed: int) -> WholeWindow:
    """A window whose agents differ in how much they trade, as those of a market do."""
    rng = np.random.default_rng(seed)
    activity = rng.pareto(1.5, agents) + 1
    found: set[tuple[int, int]] = set()
    while len(found) < pairs:
        low, high = sorted(rng.choice(agents, 2, replace=False, p=activity / activity.sum()).tolist())
        found.add((low, high))
    low, high = np.array(sorted(found)).T
    counts = rng.geometric(0.4, pairs)
    sides = rng.integers(0, 3, agents)
    return WholeWindow(300, np.arange(agents), sides, low, high, counts, 2 * pairs, int(counts.sum()), 100)


def networkx_of(window: WholeWindow) -> None:
    """The measures that take the time, by networkx."""
    graph = nx.Graph()
    graph.add_nodes_from(range(window.agent_ids.size))
    ends = window.match_low.tolist(), window.match_high.tolist(), window.match_counts.tolist()
    graph.add_weighted_edges_from(zip(*ends, strict=True))
    max(map(len, nx.connected_components(graph)))
    nx.average_clustering(graph)
    nx.degree_assortativity_coefficient(graph)
    nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=1))
    max(nx.core_number(graph).values())


def milliseconds(work: Callable[[], object], times: int) -> float:
    """The median CPU time of some work: that of the wall would be that of the machine's other load."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begin))
    return statistics.median(taken)


def main() -> None:
    for agents, pairs, bound in FRAMES:
        window, before = window_of(agents, pairs, 1), match_pairs(window_of(agents, pairs, 2))
        measures_of(window, before)
        ours = milliseconds(lambda w=window, b=before: measures_of(w, b), 21)
        theirs = milliseconds(lambda w=window: networkx_of(w), 3)
        print(
            f"{agents:5,} agents, {pairs:6,} pairs: {ours:6.2f} ms (goal {bound:g} ms), "
            f"networkx {theirs:8.1f} ms, {theirs / ours:.0f} x ours"
        )


if __name__ == "__main__":
    main()
