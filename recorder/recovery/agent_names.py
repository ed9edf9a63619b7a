"""Mends a register of named agents: what its lines no longer say is looked up on the tapes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from market.tick import Tick, TickError
from recorder.errors import StoreError
from recorder.segment.segment_file import sync_directory
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


def mend_agents(history: History) -> MendedAgents | None:
    """Write a damaged register anew, and keep the old file as `….damaged`; None if nothing is wrong with it.

    An id whose name is nowhere to be found gets a name that says so, and is never given again. Only for the holder of
    the store. Raises StoreError, OSError.
    """
    path = history.directory / FILE_NAME
    faults = read_agents(history.directory).faults
    if not faults:
        return None
    data = path.read_bytes()
    agents = salvaged(data)
    read, names = len(agents), {agent.name for agent in agents.values()}
    for agent in _on_tapes(history):
        if agent.name not in names:
            agents.setdefault(agent.agent_id, agent)
    ids = range(max(data.count(b"\n"), *(i + 1 for i in agents), 0))
    lost = {i: NamedAgent(i, f"(the name of agent {i} is lost)", 0) for i in ids if i not in agents}
    _write(path, [lost.get(i) or agents[i] for i in ids])
    return MendedAgents(faults[0], len(agents) - read, len(lost))


def _on_tapes(history: History) -> Iterator[NamedAgent]:
    """The named agents of the recorded ticks, each once."""
    seen: set[int] = set()
    for line in history.lines("ticks", -1):
        try:
            tick = None if line.is_gap else Tick.from_json(line.text)
        except TickError:  # `verify` tells of it
            continue
        if tick is not None and tick.names is not None:
            for agent_id, name in zip(tick.agent_ids.tolist(), tick.names, strict=True):
                if agent_id not in seen:
                    seen.add(agent_id)
                    yield NamedAgent(agent_id, name, tick.t)


def _write(path: Path, agents: list[NamedAgent]) -> None:
    new, damaged = path.with_suffix(".new"), path.with_name(path.name + ".damaged")
    try:
        with new.open("wb") as file:
            file.writelines(agent.line() for agent in agents)
            file.flush()
            os.fsync(file.fileno())
        damaged.unlink(missing_ok=True)
        os.link(path, damaged)
        new.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(path, error) from error
