"""The named agents of a foreign store: its ticks can come in only where their ids name the same agents here."""

from __future__ import annotations

from pathlib import Path

from recorder.models import Market
from recorder.store.agent_register import AgentRegister
from recorder.store.agent_rows import save_agents
from recorder.store.agents_file import FILE_NAME, NamedAgent, read_agents


def new_agents(directory: Path, store: Path, problems: list[str]) -> list[NamedAgent]:
    """The agents of `store` that the register in `directory` lacks, or why they cannot come in. Raises OSError."""
    ours, theirs = read_agents(directory), read_agents(store)
    problems += [f"{FILE_NAME}: {fault}" for fault in theirs.faults]
    for a, b in zip(theirs.agents, ours.agents, strict=False):
        if a.name != b.name:
            problems.append(f"{FILE_NAME}: agent {a.agent_id} is {a.name!r} there and {b.name!r} here")
            break
    return theirs.agents[len(ours.agents) :]


def take_agents(market: Market, directory: Path, agents: list[NamedAgent]) -> None:
    """Add agents to the register, before the ticks that name them come in. Raises StoreError, django.db.Error."""
    register = AgentRegister(directory)
    for agent in agents:
        register.ids_of([agent.name], agent.first_t)
    register.settle()
    save_agents(market, register.agents)
