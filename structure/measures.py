"""What the match graph of a window is like, in numbers: docs/structure.md has each formula and its source."""

from __future__ import annotations

import numpy as np

from camera.snapshot import WholeWindow
from market.tick import Ints
from structure.match_graph import MatchGraph, communities, match_graph, modularity, triangles

#: The measures, in the order in which they are listed everywhere.
MEASURES = (
    "density",
    "isolated",
    "giant",
    "clustering",
    "assortativity",
    "communities",
    "modularity",
    "strength_gini",
    "top_share",
    "core",
    "reciprocity_side",
    "persistence",
    "proximity_density",
    "pool_share",
)

Measures = dict[str, float | int | None]


def measures_of(window: WholeWindow, last_pairs: Ints | None) -> Measures:
    """The MEASURES of a window, rounded to 6 decimals; None where one is undefined.

    `last_pairs` are the `match_pairs` of the frame before, or None for the first frame.
    """
    graph = match_graph(window)
    agents, pairs = window.agent_ids.size, graph.low.size
    isolated = agents - graph.nodes
    found: Measures = {
        "density": _share(2 * pairs, agents * (agents - 1)),
        "isolated": _share(isolated, agents),
        "giant": _share(_largest_component(graph), agents) if pairs else _share(1, agents),
        "clustering": _clustering(graph),
        "assortativity": _assortativity(graph),
        **_grouping(graph),
        **_concentration(np.concatenate([np.zeros(isolated, np.int64), graph.strengths])),
        "core": _largest_core(graph) if pairs else 0,
        "reciprocity_side": _between_sides(window),
        "persistence": None if last_pairs is None else _jaccard(window, last_pairs),
        "proximity_density": _share(2 * window.proximity_pairs, agents * (agents - 1)),
        "pool_share": _share(window.pool_matches, window.pool_matches + window.agent_matches),
    }
    return {name: _rounded(found[name]) for name in MEASURES}


def match_pairs(window: WholeWindow) -> Ints:
    """The pairs of agents that matched, by their ids: shape [pairs, 2], each with the lower id first."""
    return window.agent_ids[np.column_stack([window.match_low, window.match_high])]


def _rounded(value: float | int | None) -> float | int | None:
    return value if value is None or isinstance(value, int) else round(value, 6)


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _largest_component(graph: MatchGraph) -> int:
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(graph.matrix, directed=False)
    return int(np.bincount(labels).max())


def _largest_core(graph: MatchGraph) -> int:
    from sknetwork.topology import get_core_decomposition

    return int(get_core_decomposition(graph.matrix).max())


def _clustering(graph: MatchGraph) -> float | None:
    """Mean share of an agent's pairs of partners that are partners too, over agents with at least two partners."""
    degrees = graph.degrees
    several = degrees >= 2
    if not several.any():
        return None
    possible = degrees[several] * (degrees[several] - 1) / 2
    return float((triangles(graph)[several] / possible).mean())


def _assortativity(graph: MatchGraph) -> float | None:
    """Correlation of the degrees at both ends of a pair; None where all ends have one degree.

    In whole numbers, so that a variance of zero is exactly zero.
    """
    degrees = graph.degrees
    ends = 2 * graph.low.size
    first, second = int((degrees**2).sum()), int((degrees**3).sum())
    both = 2 * int((degrees[graph.low] * degrees[graph.high]).sum())
    variance = ends * second - first * first
    return (ends * both - first * first) / variance if variance else None


def _grouping(graph: MatchGraph) -> Measures:
    """`communities` and `modularity`."""
    if not graph.low.size:
        return {"communities": 0, "modularity": None}
    labels = communities(graph)
    return {"communities": int(labels.max()) + 1, "modularity": modularity(graph, labels)}


def _concentration(strengths: Ints) -> Measures:
    """`strength_gini` and `top_share`: how unequally the matches are spread over the agents."""
    total, n = int(strengths.sum()), strengths.size
    if not total:
        return {"strength_gini": None, "top_share": None}
    ascending = np.sort(strengths)
    ranks = np.arange(1, n + 1)
    gini = 2 * int((ranks * ascending).sum()) / (n * total) - (n + 1) / n
    tenth = -(-n // 10)
    return {"strength_gini": gini, "top_share": int(ascending[-tenth:].sum()) / total}


def _between_sides(window: WholeWindow) -> float | None:
    sides = window.dominant_side
    differ = sides[window.match_low] != sides[window.match_high]
    return _share(int(window.match_counts[differ].sum()), int(window.match_counts.sum()))


def _jaccard(window: WholeWindow, last_pairs: Ints) -> float | None:
    """Of the pairs that this window or the last one has, the share that both have."""
    now, last = window.match_low.size, len(last_pairs)
    kept = _kept(window, last_pairs) if now and last else 0
    return _share(kept, now + last - kept)


def _kept(window: WholeWindow, last_pairs: Ints) -> int:
    """How many of the last pairs match in this window too."""
    ids = window.agent_ids
    places = np.minimum(np.searchsorted(ids, last_pairs), ids.size - 1)
    places = places[(ids[places] == last_pairs).all(axis=1)]
    last, now = places[:, 0] * ids.size + places[:, 1], window.match_low * ids.size + window.match_high
    return int((now[np.minimum(np.searchsorted(now, last), now.size - 1)] == last).sum())  # pairs are in order
