"""The tick: one step of a market, as columns in memory and as JSON outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from market import tick_message
from market.tick_json import tick_json
from market.tick_message import POOL, SIDES, Floats, MarketError, TickError
from runtime.shown import shown

__all__ = ["BUY", "NONE", "POOL", "SELL", "SIDES", "Codes", "Floats", "Ints", "MarketError", "Tick", "TickError"]

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

#: Sides, as indexes into SIDES.
NONE, BUY, SELL = range(3)

_STATE = ("price_norm", "volatility", "liquidity", "imbalance")


@dataclass(slots=True, eq=False)
class Tick:
    """One step of a market, in columns.

    `agent_ids`, `experience`, `sides`, `prices` and `sizes` have one entry an agent, in the order of the
    message; `match_a`, `match_b` (action indexes, -1 for the pool) and `match_prob` one a match.
    `ts` is None for a tick that no run has placed in time yet; `mid` is None unless its source gave one. `names` has
    one entry an agent, `match_prices` and `match_sizes` one a match, NaN where it is not known; they are None where the
    source gave none at all.
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
    names: tuple[str, ...] | None = None
    match_prices: Floats | None = None
    match_sizes: Floats | None = None

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
            self.names,
            self.match_prices,
            self.match_sizes,
        )

    def named(self, agent_ids: Ints) -> Tick:
        """The same tick of the same agents by other ids."""
        return replace(self, agent_ids=agent_ids)

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
        message["agents"] = self._agents()
        names = SIDES
        message["actions"] = [
            {"id": i, "side": names[side], "price": price, "size": size}
            for i, (side, price, size) in enumerate(
                zip(self.sides.tolist(), self.prices.tolist(), self.sizes.tolist(), strict=True)
            )
        ]
        message["matches"] = self._matches()
        return message

    def _agents(self) -> list[dict[str, Any]]:
        columns = zip(self.agent_ids.tolist(), self.experience.tolist(), strict=True)
        if self.names is None:
            return [{"id": i, "experience": experience} for i, experience in columns]
        return [
            {"id": i, "name": name, "experience": experience}
            for name, (i, experience) in zip(self.names, columns, strict=True)
        ]

    def _matches(self) -> list[dict[str, Any]]:
        matches: list[dict[str, Any]] = [
            {"a": a, "b": b, "prob": prob}
            for a, b, prob in zip(self.match_a.tolist(), self.match_b.tolist(), self.match_prob.tolist(), strict=True)
        ]
        for name, column in (("price", self.match_prices), ("size", self.match_sizes)):
            if column is not None:
                for match, value in zip(matches, column.tolist(), strict=True):
                    if value == value:  # NaN is not known
                        match[name] = value
        return matches

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
        if self.names is None and self.match_prices is None and self.match_sizes is None:
            return tick_json(orjson.dumps(self._head()), self)
        return orjson.dumps(self.to_dict())

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
        state = tick_message.required(message, "s", "a tick")
        if not isinstance(state, dict):
            raise TickError(f"s must be an object, got {shown(state)}")
        agents, actions, matches = (tick_message.objects(message, name) for name in ("agents", "actions", "matches"))
        if len(agents) != len(actions):
            raise TickError(f"{len(agents)} agents but {len(actions)} actions")
        names = tick_message.agent_names(agents)
        ids = tick_message.agent_ids(agents, named=names is not None)
        tick_message.check_action_ids(actions)
        match_a, match_b = tick_message.parties(matches, len(ids))
        numbers = tick_message.numbers
        return cls(
            t=tick_message.integer(message, "t", "a tick"),
            ts=tick_message.optional_number(message, "ts"),
            **{name: tick_message.number(state, name, "s") for name in _STATE},
            agent_ids=np.array(ids, np.int64),
            experience=numbers(agents, "experience", "agents"),
            sides=np.array(tick_message.sides(actions), np.int8),
            prices=numbers(actions, "price", "actions"),
            sizes=numbers(actions, "size", "actions"),
            match_a=np.array(match_a, np.int64),
            match_b=np.array(match_b, np.int64),
            match_prob=numbers(matches, "prob", "matches"),
            mid=tick_message.optional_number(message, "mid"),
            names=names,
            match_prices=tick_message.known_numbers(matches, "price", "matches"),
            match_sizes=tick_message.known_sizes(matches, "size", "matches"),
        )
