"""The graph of a window's matches, its triangles and its communities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from camera.snapshot import WholeWindow
from market.tick import Floats, Ints

# SciPy and scikit-network take a quarter of a process's start and of its memory: who measures a graph loads them.
if TYPE_CHECKING:
    from scipy import sparse

#: A pass over the agents that gains less modularity than this is the last one. With a tenth of it, graphs of 2,000
#: agents take half as long again, for 0.001 more modularity.
_LEAST_GAIN = 1e-3

#: So many agents have all their partners as bits: a bit for each pair of agents is little memory, and fast to count.
_MOST_IN_BITS = 1024


@dataclass(frozen=True)
class MatchGraph:
    """Agents that matched another agent: pairs as places (0..nodes-1, low < high) and how often each matched.

    Agents without a match are left out: they have no part in any of this.
    """

    nodes: int
    low: Ints
    high: Ints
    counts: Ints

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """Both ends of all pairs, each pair in both directions."""
        return np.concatenate([self.low, self.high]), np.concatenate([self.high, self.low])

    @cached_property
    def degrees(self) -> Ints:
        """How many partners each agent has."""
        return np.bincount(self.ends[0], minlength=self.nodes)

    @cached_property
    def strengths(self) -> Ints:
        """How many matches each agent has."""
        return np.bincount(self.ends[0], np.tile(self.counts, 2), self.nodes).astype(np.int64)

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """The symmetric matrix of counts."""
        return _matrix(np.tile(self.counts, 2), *self.ends, self.nodes)


def match_graph(window: WholeWindow) -> MatchGraph:
    """The graph of a window's matches between agents."""
    linked, places = np.unique(np.concatenate([window.match_low, window.match_high]), return_inverse=True)
    low, high = places.reshape(2, -1)
    return MatchGraph(linked.size, low, high, window.match_counts)


def triangles(graph: MatchGraph) -> Ints:
    """How many triangles each agent is a corner of."""
    if graph.nodes > _MOST_IN_BITS:
        return _triangles_of_many(graph)
    linked = np.zeros((graph.nodes, -(-graph.nodes // 64) * 64), np.bool_)
    linked[graph.ends] = True
    partners = np.packbits(linked, axis=1).view(np.uint64)
    # A product of matrices would do too, but BLAS wakes its threads for one, which costs more than these few words.
    shared = np.bitwise_count(partners[graph.low] & partners[graph.high]).sum(axis=1)
    return np.bincount(graph.ends[0], np.tile(shared, 2), graph.nodes).astype(np.int64) // 2


def _triangles_of_many(graph: MatchGraph) -> Ints:
    """As `triangles`, with each pair directed to the end that has more partners.

    Few pairs then leave the agents whom many share: of 20,000 pairs, the product takes a third of the time that the
    square of the whole matrix takes.
    """
    rank = np.empty(graph.nodes, np.int64)
    rank[np.argsort(graph.degrees, kind="stable")] = np.arange(graph.nodes)
    one, other = rank[graph.low], rank[graph.high]
    upward = _matrix(np.ones(one.size), np.minimum(one, other), np.maximum(one, other), graph.nodes)
    # For each pair (a, c): how many b below c are partners of both. Of a triangle a < b < c this counts the pairs
    # (a, c) and (b, c): its lower corners once in their rows, its highest one twice in its column.
    closed = ((upward + upward.T) @ upward).multiply(upward)
    corners = np.asarray(closed.sum(axis=1)).ravel() + np.asarray(closed.sum(axis=0)).ravel() / 2
    return np.rint(corners[rank]).astype(np.int64)


def communities(graph: MatchGraph) -> Ints:
    """The community of each agent, numbered from 0: those of the Louvain method (Blondel et al. 2008) by matches.

    Agents are visited by ascending id, never in random order: the same graph has the same communities.
    """
    from sknetwork.clustering import Louvain

    louvain = Louvain(
        modularity="newman",
        tol_optimization=_LEAST_GAIN,
        tol_aggregation=_LEAST_GAIN,
        sort_clusters=False,
        return_probs=False,
        return_aggregate=False,
    )
    labels: Ints = louvain.fit_predict(graph.matrix)
    return labels


def modularity(graph: MatchGraph, labels: Ints) -> float:
    """Newman and Girvan (2004), weighted: the share of matches within communities, less what chance would give."""
    within = graph.counts[labels[graph.low] == labels[graph.high]].sum() / graph.counts.sum()
    shares = np.bincount(labels, graph.strengths) / (2 * graph.counts.sum())
    return float(within - shares @ shares)


def _matrix(values: Ints | Floats, rows: Ints, columns: Ints, size: int) -> sparse.csr_matrix:
    from scipy import sparse

    return sparse.csr_matrix((values.astype(float), (rows, columns)), shape=(size, size))
