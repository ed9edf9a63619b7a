"""The measures as their definitions say, by networkx where it has one: slow, and independent of the product's code."""

from collections import Counter
from itertools import combinations
from math import ceil, isnan
from statistics import fmean
from typing import Any

import networkx as nx

from camera.snapshot import WholeWindow

Pair = tuple[int, int]


def graph_of(window: WholeWindow) -> nx.Graph:
    """The match graph, with all agents of the window, by their ids."""
    ids = window.agent_ids.tolist()
    graph = nx.Graph()
    graph.add_nodes_from(zip(ids, ({"side": side} for side in window.dominant_side.tolist()), strict=True))
    ends = zip(window.match_low.tolist(), window.match_high.tolist(), window.match_counts.tolist(), strict=True)
    graph.add_weighted_edges_from((ids[low], ids[high], count / window.window) for low, high, count in ends)
    return graph


def measures(window: WholeWindow, last: set[Pair] | None) -> dict[str, Any]:
    """All measures but `communities` and `modularity`, which depend on the order of the agents."""
    graph = graph_of(window)
    n, m = graph.number_of_nodes(), graph.number_of_edges()
    strengths = sorted(strength for _, strength in graph.degree(weight="weight"))
    several = [node for node, degree in graph.degree() if degree >= 2]
    possible = n * (n - 1) / 2
    matches = window.agent_matches + window.pool_matches
    return {
        "density": nx.density(graph) if n > 1 else None,
        "isolated": nx.number_of_isolates(graph) / n if n else None,
        "giant": max(map(len, nx.connected_components(graph))) / n if n else None,
        "clustering": fmean(nx.clustering(graph, several).values()) if several else None,
        "assortativity": _assortativity(graph),
        "strength_gini": _gini(strengths) if m else None,
        "top_share": sum(strengths[-ceil(n / 10) :]) / sum(strengths) if m else None,
        "core": max(nx.core_number(graph).values(), default=0),
        "reciprocity_side": _between_sides(graph) if m else None,
        "persistence": _persistence(graph, last),
        "proximity_density": window.proximity_pairs / possible if possible else None,
        "pool_share": window.pool_matches / matches if matches else None,
    }


def _assortativity(graph: nx.Graph) -> float | None:
    """networkx gives NaN, or the rounding errors of a variance of nothing, where all ends have one degree."""
    degrees = {degree for _, degree in graph.degree() if degree}
    if len(degrees) < 2:
        return None
    found = nx.degree_assortativity_coefficient(graph)
    return None if isnan(found) else float(found)


def _gini(strengths: list[float]) -> float:
    """Half the mean difference of any two agents, relative to the mean."""
    n = len(strengths)
    return 2 * sum(abs(a - b) for a, b in combinations(strengths, 2)) / (n * n) / (2 * fmean(strengths))


def _between_sides(graph: nx.Graph) -> float:
    weights: Counter[bool] = Counter()
    for one, other, weight in graph.edges(data="weight"):
        weights[graph.nodes[one]["side"] != graph.nodes[other]["side"]] += weight
    return weights[True] / (weights[True] + weights[False])


def _persistence(graph: nx.Graph, last: set[Pair] | None) -> float | None:
    now = {(min(pair), max(pair)) for pair in graph.edges()}
    return len(now & last) / len(now | last) if last is not None and now | last else None
