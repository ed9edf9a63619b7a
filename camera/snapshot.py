"""A snapshot: the content of the window at one tick, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from market.tick import Floats, Ints


class Edges(NamedTuple):
    """Edges as index into EDGE_TYPES, the agents at their lower and higher end, how often they met.

    Those of a snapshot are in the contract's order, and their ends are places among its agents.
    """

    kinds: Ints
    low: Ints
    high: Ints
    counts: Ints


@dataclass(frozen=True, slots=True)
class WholeWindow:
    """All matches of a window of `window` ticks, before any cut: what a structure is measured from.

    `agent_ids` are all its agents, ascending, also those that a frame has no room for. The match arrays have one entry
    a pair of agents that matched: their places among `agent_ids`, low < high, in this order, and how often.
    `agent_matches` are all matches between two agents, `pool_matches` those with the outside pool, `proximity_pairs`
    the pairs that quoted next to each other. `dominant_side` is an index into SIDES for each agent.
    """

    window: int
    agent_ids: Ints
    dominant_side: Ints
    match_low: Ints
    match_high: Ints
    match_counts: Ints
    proximity_pairs: int
    agent_matches: int
    pool_matches: int


#: A name an agent, None for one without; None as a whole where no agent has one.
AgentNames = tuple[str | None, ...] | None


class WindowCounts(NamedTuple):
    """What a window holds before any cut.

    How many pairs of agents matched, and quoted next to each other; how many matches were between two agents, and with
    the outside pool. For each agent shown, how many matches it had with the pool, and with how many agents it matched.
    """

    match_pairs: int
    proximity_pairs: int
    agent_matches: int
    pool_matches: int
    with_pool: Ints
    degrees: Ints


@dataclass(slots=True)
class Snapshot:
    """The content of the window at one tick; arrays have one entry per agent shown, by ascending id.

    `agents_total` counts the agents of the window, of whom a frame may show but the most active (`camera.node_cap`).
    `whole` is None for a run that began when frames did not tell it.
    """

    t: int
    ts: float | None
    window: int
    stride: int
    agents_total: int
    agent_ids: Ints
    buys: Ints
    quotes: Ints
    matches: Ints
    price_mean: Floats
    price_std: Floats
    distance: Floats
    experience_start: Floats
    experience_end: Floats
    edges: Edges
    bursts: list[dict[str, Any]]
    shocks: list[dict[str, Any]]
    agent_names: AgentNames = None
    whole: WindowCounts | None = None

    @property
    def t0(self) -> int:
        """The first tick of the window; `t` is the last."""
        return self.t - self.window + 1

    @property
    def sells(self) -> Ints:
        return self.quotes - self.buys

    @property
    def nones(self) -> Ints:
        return self.window - self.quotes

    @property
    def capped(self) -> bool:
        """Whether agents of the window are left out."""
        return self.agents_total > self.agent_ids.size

    def numbers(self) -> Floats:
        """The features that are no counts, as emitted: shape [6, agents], in the order of the message."""
        start, end = self.experience_start, self.experience_end
        return np.round([self.price_mean, self.price_std, self.distance, start, end, end - start], 6)

    def dominant_sides(self) -> Ints:
        """What each agent did most, as an index into SIDES; buying goes before selling, doing so before nothing."""
        return dominant(self.buys, self.sells, self.nones)


def dominant(buys: Ints, sells: Ints, nones: Ints) -> Ints:
    """The index into SIDES of the greatest of three counts, for each agent; of equal ones the first."""
    sides: Ints = np.argmax((buys, sells, nones), axis=0)
    return sides
