"""The tick: one step of a market, as columns in memory and as JSON outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from market.tick_json import tick_json
from runtime.shown import shown

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

#: A side is stored as its index here.
SIDES = ("none", "buy", "sell")
NONE, BUY, SELL = range(3)
_SIDE_CODE = {name: code for code, name in enumerate(SIDES)}

#: `b` of a match that the outside pool filled.
POOL = -1

#: Beyond this a float64 no longer distinguishes neighbouring integers; no id, t or price needs more.
_LARGEST = 2**53

_STATE = ("price_norm", "volatility", "liquidity", "imbalance")


class MarketError(Exception):
    """Base of everything that can go wrong with a market's data."""


class TickError(MarketError, ValueError):
    """A message that is not a tick; the text names the field and its value."""


@dataclass(slots=True, eq=False)
class Tick:
    """One step of a market, in columns.

    `agent_ids`, `experience`, `sides`, `prices` and `sizes` have one entry an agent, in the order of the
    message; `match_a`, `match_b` (action indexes, -1 for the pool) and `match_prob` one a match.
    `ts` is None for a tick that no run has placed in time yet; `mid` is None unless its source gave one.
    """

    t: int
    ts: float | None
    price_norm: float
    volatility: float
    liquidity: float
    imbalance: float
    agent_ids: Ints
    experience: Floats
    sides: Codes
    prices: Floats
    sizes: Floats
    match_a: Ints
    match_b: Ints
    match_prob: Floats
    mid: float | None = None

    def placed(self, t: int, ts: float) -> Tick:
        """The same tick at another place in time; the columns are shared."""
        # Written out, since `replace` asks for every field by its name, and so takes four times as long.
        return Tick(
            t,
            ts,
            self.price_norm,
            self.volatility,
            self.liquidity,
            self.imbalance,
            self.agent_ids,
            self.experience,
            self.sides,
            self.prices,
            self.sizes,
            self.match_a,
            self.match_b,
            self.match_prob,
            self.mid,
        )

    def state(self) -> dict[str, float]:
        """The field `s` of the message."""
        return {
            "price_norm": self.price_norm,
            "volatility": self.volatility,
            "liquidity": self.liquidity,
            "imbalance": self.imbalance,
        }

    def to_dict(self) -> dict[str, Any]:
        """The tick message as plain Python objects; `ts` and `mid` are left out where they are None."""
        message = self._head()
        message["agents"] = [
            {"id": i, "experience": e} for i, e in zip(self.agent_ids.tolist(), self.experience.tolist(), strict=True)
        ]
        names = SIDES
        message["actions"] = [
            {"id": i, "side": names[side], "price": price, "size": size}
            for i, (side, price, size) in enumerate(
                zip(self.sides.tolist(), self.prices.tolist(), self.sizes.tolist(), strict=True)
            )
        ]
        message["matches"] = [
            {"a": a, "b": b, "prob": prob}
            for a, b, prob in zip(self.match_a.tolist(), self.match_b.tolist(), self.match_prob.tolist(), strict=True)
        ]
        return message

    def _head(self) -> dict[str, Any]:
        """The message without its lists."""
        message: dict[str, Any] = {"type": "tick", "t": self.t}
        if self.ts is not None:
            message["ts"] = self.ts
        message["s"] = self.state()
        if self.mid is not None:
            message["mid"] = self.mid
        return message

    def to_json(self) -> bytes:
        """The tick message as the bytes that are recorded and sent: `to_dict` as JSON."""
        return tick_json(orjson.dumps(self._head()), self)

    @classmethod
    def from_json(cls, line: bytes | str) -> Tick:
        """The tick in one line of JSON. Raises TickError."""
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise TickError(f"not JSON: {error}") from None
        return cls.from_dict(message)

    @classmethod
    def from_dict(cls, message: Any) -> Tick:
        """The tick in a decoded message; fields that a tick does not have are ignored. Raises TickError."""
        if not isinstance(message, dict):
            raise TickError(f"a tick is a JSON object, got {shown(message)}")
        if message.get("type", "tick") != "tick":
            raise TickError(f'type must be "tick", got {shown(message["type"])}')
        state = _required(message, "s", "a tick")
        if not isinstance(state, dict):
            raise TickError(f"s must be an object, got {shown(state)}")
        agents, actions, matches = (_objects(message, name) for name in ("agents", "actions", "matches"))
        if len(agents) != len(actions):
            raise TickError(f"{len(agents)} agents but {len(actions)} actions")
        ids = [_integer(agent, "id", f"agents[{i}]") for i, agent in enumerate(agents)]
        if len(set(ids)) != len(ids):
            twice = next(i for i, count in Counter(ids).items() if count > 1)
            raise TickError(f"agent {twice} is there twice")
        _check_action_ids(actions)
        return cls(
            t=_integer(message, "t", "a tick"),
            ts=_optional_number(message, "ts"),
            **{name: _number(state, name, "s") for name in _STATE},
            agent_ids=np.array(ids, np.int64),
            experience=_numbers(agents, "experience", "agents"),
            sides=np.array([_side(action, i) for i, action in enumerate(actions)], np.int8),
            prices=_numbers(actions, "price", "actions"),
            sizes=_numbers(actions, "size", "actions"),
            match_a=np.array([_index(m, "a", i, len(ids), 0) for i, m in enumerate(matches)], np.int64),
            match_b=np.array([_index(m, "b", i, len(ids), POOL) for i, m in enumerate(matches)], np.int64),
            match_prob=_numbers(matches, "prob", "matches"),
            mid=_optional_number(message, "mid"),
        )


def _required(holder: dict[str, Any], name: str, where: str) -> Any:
    if name not in holder:
        raise TickError(f"{where} lacks {name!r}")
    return holder[name]


def _objects(message: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = _required(message, name, "a tick")
    if not isinstance(rows, list):
        raise TickError(f"{name} must be a list, got {shown(rows)}")
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise TickError(f"{name}[{i}] must be an object, got {shown(row)}")
    return rows


def _integer(holder: dict[str, Any], name: str, where: str) -> int:
    value = _required(holder, name, where)
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise TickError(f"{where}: {name} must be an integer from 0 to 2^53, got {shown(value)}")
    return value


def _number(holder: dict[str, Any], name: str, where: str) -> float:
    value = _required(holder, name, where)
    if type(value) not in (int, float) or not -_LARGEST <= value <= _LARGEST:
        raise TickError(f"{where}: {name} must be a number within 2^53, got {shown(value)}")
    return float(value)


def _optional_number(message: dict[str, Any], name: str) -> float | None:
    return None if message.get(name) is None else _number(message, name, "a tick")


def _numbers(rows: list[dict[str, Any]], name: str, where: str) -> Floats:
    return np.array([_number(row, name, f"{where}[{i}]") for i, row in enumerate(rows)], np.float64)


def _side(action: dict[str, Any], i: int) -> int:
    side = _required(action, "side", f"actions[{i}]")
    if not isinstance(side, str) or side not in _SIDE_CODE:
        raise TickError(f"actions[{i}]: side must be buy, sell or none, got {shown(side)}")
    return _SIDE_CODE[side]


def _index(match: dict[str, Any], name: str, i: int, agents: int, least: int) -> int:
    value = _required(match, name, f"matches[{i}]")
    if type(value) is not int or not least <= value < agents:
        raise TickError(
            f"matches[{i}]: {name} must be an action index from {least} to {agents - 1}, got {shown(value)}"
        )
    if name == "b" and value == match["a"]:
        raise TickError(f"matches[{i}]: a and b are the same action, {value}")
    return value


def _check_action_ids(actions: list[dict[str, Any]]) -> None:
    for i, action in enumerate(actions):
        if type(action.get("id")) is not int or action["id"] != i:
            raise TickError(f"actions[{i}]: id must be {i}, got {shown(action.get('id'))}")
