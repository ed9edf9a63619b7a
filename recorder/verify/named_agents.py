"""Verification of names: whether the tapes name agents as the store's register does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from market.tick import Tick
from recorder.store.agents_file import FILE_NAME, read_agents


class NamedAgents:
    """The names in a market's register, with which those of ticks are compared. Raises OSError."""

    def __init__(self, directory: Path) -> None:
        self._names = {agent.agent_id: agent.name for agent in read_agents(directory).agents}
        self._told: set[int] = set()

    def differences(self, tick: Tick) -> Iterator[str]:
        """How a recorded tick names agents otherwise than the register; each id is told once."""
        if tick.names is None:
            return
        for agent_id, name in zip(tick.agent_ids.tolist(), tick.names, strict=True):
            known = self._names.get(agent_id)
            if known != name and agent_id not in self._told:
                self._told.add(agent_id)
                says = f"names it {known!r}" if known is not None else "has no such id"
                yield f"t={tick.t}: agent {agent_id} is {name!r}, and {FILE_NAME} {says}"
