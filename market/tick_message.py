"""Checks the parts of a tick message, and turns them into columns; each error names the field and its value."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from runtime.shown import shown

#: A side is stored as its index here.
SIDES = ("none", "buy", "sell")
_SIDE_CODE = {name: code for code, name in enumerate(SIDES)}

#: `b` of a match that the outside pool filled.
POOL = -1

#: Beyond this a float64 no longer distinguishes neighbouring integers; no id, t or price needs more.
LARGEST = 2**53

MOST_NAME_CHARACTERS = 128

Rows = list[dict[str, Any]]
Floats = npt.NDArray[np.float64]


class MarketError(Exception):
    """Base of everything that can go wrong with a market's data."""


class TickError(MarketError, ValueError):
    """A message that is not a tick; the text names the field and its value."""


def required(holder: dict[str, Any], name: str, where: str) -> Any:
    if name not in holder:
        raise TickError(f"{where} lacks {name!r}")
    return holder[name]


def objects(message: dict[str, Any], name: str) -> Rows:
    rows = required(message, name, "a tick")
    if not isinstance(rows, list):
        raise TickError(f"{name} must be a list, got {shown(rows)}")
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TickError(f"{name}[{i}] must be an object, got {shown(row)}")
    return rows


def integer(holder: dict[str, Any], name: str, where: str) -> int:
    value = required(holder, name, where)
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise TickError(f"{where}: {name} must be an integer from 0 to 2^53, got {shown(value)}")
    return value


def number(holder: dict[str, Any], name: str, where: str) -> float:
    value = required(holder, name, where)
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        raise TickError(f"{where}: {name} must be a number within 2^53, got {shown(value)}")
    return float(value)


def optional_number(holder: dict[str, Any], name: str, where: str = "a tick") -> float | None:
    return None if holder.get(name) is None else number(holder, name, where)


def _all_of(rows: Rows, name: str, *types: type) -> list[Any] | None:
    """A field of all rows if each has it, of one of these types: that is soon seen, and nearly always so.

    Else None. Whoever asks then looks at row by row, for the one to complain of.
    """
    values = [row.get(name) for row in rows]
    return values if values and set(map(type, values)) <= set(types) else None


def _within(values: list[Any] | None, least: int, most: int) -> TypeGuard[list[Any]]:
    # A NaN is never the greatest but where it comes first, and then it is not within anything.
    return values is not None and least <= min(values) and max(values) <= most


def numbers(rows: Rows, name: str, where: str) -> Floats:
    values = _all_of(rows, name, int, float)
    if _within(values, -LARGEST, LARGEST):
        found = np.array(values, np.float64)
        if not np.isnan(found).any():
            return found
    return np.array([number(row, name, f"{where}[{i}]") for i, row in enumerate(rows)], np.float64)


def known_numbers(rows: Rows, name: str, where: str) -> Floats | None:
    """The numbers of a field that rows may lack, NaN for such a row; None if all lack it."""
    if all(row.get(name) is None for row in rows):
        return None
    found = [optional_number(row, name, f"{where}[{i}]") for i, row in enumerate(rows)]
    return np.array(found, np.float64)


def known_sizes(rows: Rows, name: str, where: str) -> Floats | None:
    """As `known_numbers`, none of them negative."""
    found = known_numbers(rows, name, where)
    if found is not None and (found < 0).any():
        i = int((found < 0).argmax())
        raise TickError(f"{where}[{i}]: {name} must not be negative, got {shown(rows[i][name])}")
    return found


def agent_names(agents: Rows) -> tuple[str, ...] | None:
    """The names of a tick's agents; None if it names none of them."""
    names: list[Any] = [agent.get("name") for agent in agents]
    if all(name is None for name in names):
        return None
    for i, name in enumerate(names):
        try:
            check_name(name)
        except TickError as error:
            raise TickError(f"agents[{i}]: {error} (in a tick all agents have a name, or none has)") from None
    _check_unique(names, "name")
    return tuple(names)


def is_name(name: object) -> TypeGuard[str]:
    """Whether an agent can have this name."""
    return isinstance(name, str) and 0 < len(name) <= MOST_NAME_CHARACTERS and name.isprintable()


def check_name(name: object) -> None:
    """Raises TickError for what is no name of an agent."""
    if not is_name(name):
        raise TickError(f"name must be 1 to {MOST_NAME_CHARACTERS} printable characters, got {shown(name)}")


def agent_ids(agents: Rows, *, named: bool) -> list[int]:
    """The ids of a tick's agents. Those of a named tick may all be missing; then they are the agents' places."""
    if named and not any("id" in agent for agent in agents):
        return list(range(len(agents)))
    ids = _all_of(agents, "id", int)
    if not _within(ids, 0, LARGEST):
        ids = [integer(agent, "id", f"agents[{i}]") for i, agent in enumerate(agents)]
    _check_unique(ids, "agent")
    return ids


def _check_unique(values: list[Any], what: str) -> None:
    if len(set(values)) != len(values):
        twice = next(value for value, count in Counter(values).items() if count > 1)
        raise TickError(f"{what} {shown(twice)} is there twice")


def sides(actions: Rows) -> list[int]:
    """What each action does, as an index into SIDES."""
    names = _all_of(actions, "side", str)
    if names is not None and _SIDE_CODE.keys() >= set(names):
        return [_SIDE_CODE[name] for name in names]
    return [_side(action, i) for i, action in enumerate(actions)]


def _side(action: dict[str, Any], i: int) -> int:
    value = required(action, "side", f"actions[{i}]")
    if not isinstance(value, str) or value not in _SIDE_CODE:
        raise TickError(f"actions[{i}]: side must be buy, sell or none, got {shown(value)}")
    return _SIDE_CODE[value]


def parties(matches: Rows, agents: int) -> tuple[list[int], list[int]]:
    """The action indexes a and b of each match, POOL among the b."""
    a, b = _all_of(matches, "a", int), _all_of(matches, "b", int)
    if _within(a, 0, agents - 1) and _within(b, POOL, agents - 1) and not any(map(operator.eq, a, b)):
        return a, b
    both = [tuple(_action_index(match, name, i, agents) for name in "ab") for i, match in enumerate(matches)]
    return [one for one, _ in both], [other for _, other in both]


def _action_index(match: dict[str, Any], name: str, i: int, agents: int) -> int:
    value, least = required(match, name, f"matches[{i}]"), POOL if name == "b" else 0
    if type(value) is not int or not least <= value < agents:
        raise TickError(
            f"matches[{i}]: {name} must be an action index from {least} to {agents - 1}, got {shown(value)}"
        )
    if name == "b" and value == match["a"]:
        raise TickError(f"matches[{i}]: a and b are the same action, {value}")
    return value


def check_action_ids(actions: Rows) -> None:
    if _all_of(actions, "id", int) == list(range(len(actions))):
        return
    for i, action in enumerate(actions):
        if type(action.get("id")) is not int or action["id"] != i:
            raise TickError(f"actions[{i}]: id must be {i}, got {shown(action.get('id'))}")
