"""Opens a register of named agents beside its tapes; and mends it from them, if its lines no longer say all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from market.tick import Tick, TickError
from recorder.errors import StoreError
from recorder.segment.segment_file import sync_directory
from recorder.store.agent_register import AgentRegister, DamagedRegister
from recorder.store.agents_file import FILE_NAME, NamedAgent, read_agents, salvaged
from recorder.tape.history import History


class MendedAgents(NamedTuple):
    """A register that was written anew: why, how many names were found on the tapes, and how many nowhere."""

    why: str
    found: int
    lost: int

    def __str__(self) -> str:
        fate = f"{self.found:,} names found on the tapes, {self.lost:,} lost"
        return f"{FILE_NAME}: was damaged ({self.why}), {fate}"


def opened_register(history: History) -> AgentRegister:
    """The register of a market whose tapes are whole. Raises DamagedRegister, StoreError, OSError."""
    register = AgentRegister(history.directory)
    fault = _unknown(history, register.agents)
    if fault is not None:
        raise DamagedRegister(history.directory / FILE_NAME, fault)
    return register


def mend_agents(history: History) -> MendedAgents | None:
    """Write a damaged register anew, and keep the old file as `….damaged`; None if nothing is wrong with it.

    An id whose name is nowhere to be found gets a name that says so, and is never given again. Only for the holder of
    the store. Raises StoreError, OSError.
    """
    path, found = history.directory / FILE_NAME, read_agents(history.directory)
    why = found.faults[0] if found.faults else _unknown(history, found.agents)
    if why is None:
        return None
    data = path.read_bytes() if path.exists() else b""
    agents = salvaged(data)
    read, names = len(agents), {agent.name for agent in agents.values()}
    for agent in _on_tapes(history):
        if agent.name not in names:
            agents.setdefault(agent.agent_id, agent)
    ids = range(max(data.count(b"\n"), *(i + 1 for i in agents), 0))
    lost = {i: NamedAgent(i, f"(the name of agent {i} is lost)", 0) for i in ids if i not in agents}
    _write(path, [lost.get(i) or agents[i] for i in ids])
    return MendedAgents(why, len(agents) - read, len(lost))


def _unknown(history: History, agents: list[NamedAgent]) -> str | None:
    """The agent of the last recorded tick that a register lacks, as when the file was lost or is an older one."""
    line = history.last_line("ticks")
    for agent in () if line is None else _named_in(line.text):
        if agent.agent_id >= len(agents) or agents[agent.agent_id].name != agent.name:
            return f"it lacks agent {agent.agent_id}, {agent.name!r}, of the recorded tick t={agent.first_t}"
    return None


def _on_tapes(history: History) -> Iterator[NamedAgent]:
    """The named agents of the recorded ticks, each once."""
    seen: set[int] = set()
    for line in history.lines("ticks", -1):
        for agent in () if line.is_gap else _named_in(line.text):
            if agent.agent_id not in seen:
                seen.add(agent.agent_id)
                yield agent


def _named_in(text: bytes) -> list[NamedAgent]:
    """The named agents of a recorded tick; none of a line that is no tick, of which `verify` tells."""
    try:
        tick = Tick.from_json(text)
    except TickError:
        return []
    names = tick.names or ()
    return [NamedAgent(i, name, tick.t) for i, name in zip(tick.agent_ids.tolist(), names, strict=False)]


def _write(path: Path, agents: list[NamedAgent]) -> None:
    new, damaged = path.with_suffix(".new"), path.with_name(path.name + ".damaged")
    try:
        with new.open("wb") as file:
            file.writelines(agent.line() for agent in agents)
            file.flush()
            os.fsync(file.fileno())
        damaged.unlink(missing_ok=True)
        if path.exists():
            os.link(path, damaged)
        new.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(path, error) from error
