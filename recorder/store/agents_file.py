"""The file that lists the named agents of a store: one line each, in the order of their ids."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import orjson

from market.tick_message import is_name

FILE_NAME = "agents.ndjson"


class NamedAgent(NamedTuple):
    """An agent of a store: its id, its name, and the t of the tick that named it first."""

    agent_id: int
    name: str
    first_t: int

    def line(self) -> bytes:
        return b'{"id":%d,"name":%b,"first_t":%d}\n' % (self.agent_id, orjson.dumps(self.name), self.first_t)


@dataclass(slots=True)
class AgentsFile:
    """The content of the file.

    `agents` are those of its readable lines, `faults` what is wrong with it, in words. `whole_bytes` is the length of
    its whole lines, which hold `whole` agents. What follows is the beginning of a line that a crash cut short, and that
    no tick has used; if it lacks nothing but its end, its agent is the last of `agents`.
    """

    agents: list[NamedAgent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    whole: int = 0
    whole_bytes: int = 0
    torn_bytes: int = 0


def read_agents(directory: Path) -> AgentsFile:
    """The named agents of the store in `directory`; none where it has no such file. Raises OSError."""
    try:
        data = (directory / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return AgentsFile()
    *lines, rest = data.split(b"\n")
    found = AgentsFile(whole_bytes=len(data) - len(rest), torn_bytes=len(rest))
    names: set[str] = set()
    for number, line in enumerate(lines):
        try:
            found.agents.append(_due(line, number, names))
        except ValueError as error:
            found.faults.append(f"line {number + 1}: {error}")
    found.whole = len(found.agents)
    if rest and not found.faults:
        with suppress(ValueError):
            found.agents.append(_due(rest, found.whole, names))
    return found


def salvaged(data: bytes) -> dict[int, NamedAgent]:
    """What a damaged file still says: its agents by id, of the lines that can be read."""
    lines = data.split(b"\n")
    agents: dict[int, NamedAgent] = {}
    names: set[str] = set()
    for line in lines:
        with suppress(ValueError):
            agent = _parsed(line)
            if agent.name not in names and agent.agent_id < 2 * len(lines):  # a damaged digit must not fill the memory
                names.add(agents.setdefault(agent.agent_id, agent).name)
    return agents


def _due(line: bytes, agent_id: int, names: set[str]) -> NamedAgent:
    """The agent in the line of an id, with another name than those seen, to which it is added. Raises ValueError."""
    agent = _parsed(line)
    if agent.agent_id != agent_id:
        raise ValueError(f"its id is {agent.agent_id}, not {agent_id}")
    if agent.name in names:
        raise ValueError(f"the name {agent.name!r} is there twice")
    names.add(agent.name)
    return agent


def _parsed(line: bytes) -> NamedAgent:
    """The agent in a line. Raises ValueError."""
    message: Any = orjson.loads(line)
    if not isinstance(message, dict):
        raise ValueError("it holds no agent")
    agent_id, name, first_t = (message.get(field) for field in ("id", "name", "first_t"))
    if not _counts(agent_id) or not is_name(name) or not _counts(first_t):
        raise ValueError("it lacks the id of an agent, its name or its first t")
    return NamedAgent(agent_id, name, first_t)


def _counts(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0
