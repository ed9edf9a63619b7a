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


#: A name an agent, None for one without; None as a whole where no agent has one.
AgentNames = tuple[str | None, ...] | None


@dataclass(slots=True)
class Snapshot:
    """The content of the window at one tick; arrays have one entry per agent shown, by ascending id.

    `agents_total` counts the agents of the window, of whom a frame may show but the most active (`camera.node_cap`).
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
        sides: Ints = np.argmax((self.buys, self.sells, self.nones), axis=0)
        return sides
