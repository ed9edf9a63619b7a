"""Ids of named agents: integers in the order in which the names were first seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from market.tick import Ints


class AgentIds(Protocol):
    """Gives every name its id, always the same."""

    def ids_of(self, names: Sequence[str], t: int) -> Ints:
        """The ids of the names, in their order. A name that is new at tick `t` gets the next free id."""


class InMemoryAgentIds:
    """Ids that last as long as the process: 0, 1, 2 … by first appearance."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def ids_of(self, names: Sequence[str], t: int) -> Ints:
        ids = self._ids
        return np.array([ids.setdefault(name, len(ids)) for name in names], np.int64)
