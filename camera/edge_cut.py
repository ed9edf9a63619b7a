"""Which pairs are the edges of a frame, where there are more of them than it may have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from camera.edges import EDGE_TYPES, PairCounts
from camera.snapshot import Edges
from market.tick import Ints

#: How pairs of one type that met equally often are ordered, and so which of them are cut off: by a number drawn from
#: the ids, which favours nobody, or by the ids themselves, which favours low ones.
EDGE_ORDERS = MIXED, BY_ID = ("mixed", "id")

_KINDS = range(len(EDGE_TYPES))

_Lots = npt.NDArray[np.uint64]


class EdgeCut:
    """Cuts frame after frame to its strongest pairs: at most `edge_cap`, and eight times as many as there are agents.

    With `type_share`, 0 to 0.5, each type has that share of the places if it has as many pairs: quotes are close to
    each other an order of magnitude more often than agents match, and in a large market no match would be an edge.
    """

    def __init__(self, window: int, edge_cap: int, mixed: bool, type_share: float = 0.0) -> None:
        self._edge_cap, self._mixed, self._type_share = edge_cap, mixed, type_share
        #: Of all pairs and of each type: none that met less often was among those chosen for the last frame.
        self._weakest: dict[int | None, int] = dict.fromkeys((None, *_KINDS), window)

    def edges(self, pairs: PairCounts, places: Ints, agent_ids: Ints) -> Edges:
        """The edges among the agents of a frame; `places` gives each column's place among them, -1 for none."""
        most = min(self._edge_cap, 8 * agent_ids.size)
        chosen = self._strongest(pairs, places, agent_ids, most)
        own = int(most * self._type_share)
        if chosen.counts.size < most:
            return chosen
        for kind in _KINDS:
            if (chosen.kinds == kind).sum() >= own:
                continue
            few = self._strongest(pairs, places, agent_ids, own, kind)
            rest = (chosen.kinds != kind).nonzero()[0][: most - few.counts.size]
            both = [np.concatenate([one, other[rest]]) for one, other in zip(few, chosen, strict=True)]
            return self._cut(Edges(*both), most, agent_ids)
        return chosen

    def _strongest(self, pairs: PairCounts, places: Ints, agent_ids: Ints, most: int, kind: int | None = None) -> Edges:
        """The `most` strongest pairs of a type, or of both."""
        weakest = self._weakest[kind]
        while True:
            edges = among(places, pairs.counted(weakest, kind))
            if weakest == 1 or edges.counts.size >= most:
                break
            weakest -= 1 if edges.counts.size > most // 2 else max(1, weakest // 2)
        chosen = self._cut(edges, most, agent_ids)
        # Most pairs are weaker than any edge. The next frame's edges are about as strong as these: begin there.
        self._weakest[kind] = int(chosen.counts[-1]) if chosen.counts.size == most and most else 1
        return chosen

    def _cut(self, edges: Edges, most: int, agent_ids: Ints) -> Edges:
        return strongest_mixed(edges, most, agent_ids) if self._mixed else strongest(edges, most)


def among(places: Ints, edges: Edges) -> Edges:
    """Edges of columns as edges of places, for those both of whose columns have a place, and no -1."""
    one, other = places[edges.low], places[edges.high]
    low, high = np.minimum(one, other), np.maximum(one, other)
    if low.size and low.min() < 0:
        both = low >= 0
        return Edges(edges.kinds[both], low[both], high[both], edges.counts[both])
    return Edges(edges.kinds, low, high, edges.counts)


def strongest(edges: Edges, most: int) -> Edges:
    """The `most` edges with the greatest counts, greatest first; equal ones by type, lower, then higher end."""
    kinds, low, high, counts = edges
    if not counts.size:
        return edges
    # All that decides, in one integer: sorting those is several times as fast as sorting by one after the other. Ends
    # are places among the nodes of a frame, of which there are at most 2^16, so counts have 30 bits.
    bits = int(high.max()).bit_length()
    greatest = int(counts.max())
    keys = greatest - counts
    for more, width in ((kinds, 1), (low, bits), (high, bits)):
        keys <<= width
        keys |= more
    keys.sort()
    keys = keys[:most]
    ends = (1 << bits) - 1
    return Edges((keys >> (2 * bits)) & 1, (keys >> bits) & ends, keys & ends, greatest - (keys >> (2 * bits + 1)))


def strongest_mixed(edges: Edges, most: int, agent_ids: Ints) -> Edges:
    """As `strongest`, but equal counts of a type come by the lots of their pairs of `agent_ids`, then by their ends."""
    kinds, low, high, counts = edges
    if not counts.size:
        return edges
    drawn = lots(agent_ids[low], agent_ids[high])
    greatest = int(counts.max())
    ranks = ((greatest - counts) << 1) + kinds
    # The rank and as much of the lot as has room in one number, which is sorted in a fifth of the time of both.
    width = greatest.bit_length() + 1
    keys = (ranks.astype(np.uint64) << np.uint64(64 - width)) | (drawn >> np.uint64(width))
    order = keys.argsort()
    first = keys[order[: most + 1]]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort((high, low, drawn, ranks))
    order = order[:most]
    return Edges(kinds[order], low[order], high[order], counts[order])


def lots(low_ids: Ints, high_ids: Ints) -> _Lots:
    """A number for each pair of agents that looks drawn at random: splitmix64 of `(low << 32) | high`, modulo 2^64.

    Only the finalizer, without the step before it: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    Generators", OOPSLA 2014, with the constants of SplittableRandom.
    """
    mixed = (low_ids.astype(np.uint64) << np.uint64(32)) | high_ids.astype(np.uint64)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
