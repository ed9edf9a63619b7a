"""Messages of a market as objects: ticks, metrics, frames, and the gaps where some are missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from marketcamera.errors import BadMessage
from marketcamera.stream.price_ranges import PriceRanges

if TYPE_CHECKING:
    import networkx
    import pandas

Kind = Literal["tick", "metric", "frame"]
Part = TypeVar("Part", list[Any], dict[str, Any])

#: In the order in which those of one t come.
KINDS: tuple[Kind, ...] = ("frame", "metric", "tick")


@dataclass(frozen=True, slots=True)
class Message:
    """What every message has: its tick number `t`, market time `ts` in Unix seconds, and itself as JSON gave it.

    `prices` are what its server tells of the prices of the market.
    """

    t: int
    ts: float
    data: Mapping[str, Any]
    prices: PriceRanges = field(default_factory=PriceRanges, repr=False, compare=False)

    @property
    def kind(self) -> Kind:
        kind: Kind = self.data["type"]
        return kind

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def _part(self, name: str, kind: type[Part]) -> Part:
        part = self.data.get(name)
        if not isinstance(part, kind):
            raise BadMessage(f"the {name} of a {self.kind} is a {kind.__name__}", str(dict(self.data)))
        return part

    def _number(self, name: str) -> float:
        number: Any = self.data.get(name)
        if not _is_number(number):
            raise BadMessage(f"the {name} of a {self.kind} is a number", str(dict(self.data)))
        return float(number)


@dataclass(frozen=True, slots=True)
class _OfState(Message):
    """A message with the market's state."""

    @property
    def state(self) -> Mapping[str, float]:
        """price_norm, volatility, liquidity and imbalance."""
        return self._part("s", dict)

    @property
    def price(self) -> float:
        """*The* price of the market at this t, which bars, charts and backtests use too.

        Where the server did not tell the range of prices as it connected, the first call asks it. Raises
        HistoryUnavailable where it does not tell.
        """
        price_norm: Any = self.state.get("price_norm")
        if not _is_number(price_norm):
            raise BadMessage(f"the state of a {self.kind} has a price_norm", str(dict(self.data)))
        return self.prices.price_at(self.t, float(price_norm))


@dataclass(frozen=True, slots=True)
class Tick(_OfState):
    """One step of the market; `actions[i]` is what `agents[i]` did, `matches` speak of indexes of actions."""

    @property
    def agents(self) -> list[dict[str, Any]]:
        return list(self._part("agents", list)) if "agents" in self.data else []

    @property
    def actions(self) -> list[dict[str, Any]]:
        return list(self._part("actions", list)) if "actions" in self.data else []

    @property
    def matches(self) -> list[dict[str, Any]]:
        return list(self._part("matches", list)) if "matches" in self.data else []

    @property
    def mid(self) -> float | None:
        """The median of all quotes, or the mid its source gave; None in a tick without quotes.

        It is what the camera measures the distances of quotes from, and no price anybody traded at: that is `price`.
        """
        given = self.data.get("mid")
        if given is not None:
            return self._number("mid")
        try:
            prices = [float(action["price"]) for action in self.actions if action["side"] != "none"]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise BadMessage("an action has a side and a price", str(dict(self.data))) from None
        return median(prices) if prices else None


@dataclass(frozen=True, slots=True)
class Metric(_OfState):
    """A tick in a few numbers."""

    @property
    def active_agents(self) -> int:
        return int(self._number("N"))

    @property
    def mean_experience(self) -> float:
        return self._number("avg_exp")

    @property
    def match_count(self) -> int:
        return int(self._number("matches_n"))


@dataclass(frozen=True, slots=True)
class Frame(Message):
    """The structure of a window of ticks: who is there, and who trades with or quotes next to whom."""

    @property
    def window(self) -> Mapping[str, Any]:
        """W, stride, the first and last t, `t0` and `t1`, and what the frame leaves out: `pairs` and `matches`."""
        return self._part("window", dict)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return list(self._part("nodes", list))

    @property
    def edges(self) -> list[dict[str, Any]]:
        return list(self._part("edges", list))

    @property
    def events(self) -> Mapping[str, list[dict[str, Any]]]:
        """`bursts` and `shocks`."""
        return self._part("events", dict)

    def to_frame(self, part: Literal["nodes", "edges"] = "nodes") -> pandas.DataFrame:
        """The nodes (a row an agent, a column a feature) or the edges (agent ids, type, weight) as a DataFrame."""
        from marketcamera.stream.structure import edge_table, node_table

        if part not in ("nodes", "edges"):
            raise ValueError(f"part must be nodes or edges, got {part!r}")
        return node_table(self) if part == "nodes" else edge_table(self)

    def to_networkx(self) -> networkx.MultiGraph[int]:
        """The graph of agents, features on its nodes, type and `weight` on its edges. Needs networkx."""
        from marketcamera.stream.structure import graph

        return graph(self)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of `kind` with from_t <= t <= to_t that nobody can give any more.

    `reason` is `expired` (it was recorded, and is not there any more), `lost` (it never was), `damaged` (it cannot be
    read), `elsewhere` (this server cannot read it yet), `slow`, or `store_changed`: what follows is of another
    recording, `store` is its id, and its t may be lower.
    """

    kind: Kind
    from_t: int
    to_t: int
    reason: str
    store: str | None = None


Received = Tick | Metric | Frame | Gap


def place_of(message: Received) -> tuple[int, int]:
    """What messages of several kinds are sorted by, to come in the order of the stream."""
    if isinstance(message, Gap):
        return message.from_t, KINDS.index(message.kind)
    return message.t, KINDS.index(message.kind)


_LARGEST = 1e300

#: The greatest t: what JavaScript counts exactly.
_LARGEST_T = 2**53 - 1

#: How the id of a recording looks.
STORE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

_CLASSES: dict[str, type[Tick] | type[Metric] | type[Frame]] = {"tick": Tick, "metric": Metric, "frame": Frame}


def message_of(data: dict[str, Any], prices: PriceRanges | None = None) -> Tick | Metric | Frame:
    """The object for a decoded tick, metric or frame of a market with these prices. Raises BadMessage."""
    made = _CLASSES.get(data["type"])
    t: Any = data.get("t")
    ts: Any = data.get("ts")
    if made is None or type(t) is not int or not 0 <= t <= _LARGEST_T or not _is_number(ts):
        raise BadMessage("a tick, metric or frame has a t and a ts", str(data))
    return made(t, ts, data) if prices is None else made(t, ts, data, prices)


def _is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold; JSON knows longer ones."""
    return type(value) in (int, float) and -_LARGEST < value < _LARGEST


def gap_of(data: dict[str, Any]) -> Gap:
    """The object for a decoded gap message. Raises BadMessage."""
    kind = data.get("kind")
    from_t: Any = data.get("from_t")
    to_t: Any = data.get("to_t")
    is_span = type(from_t) is int and type(to_t) is int and 0 <= from_t <= to_t <= _LARGEST_T
    if kind not in KINDS or not is_span:
        raise BadMessage("a gap has a kind, and a to_t from its from_t on", str(data))
    reason, store = str(data.get("reason", "lost")), store_of(data)
    if reason == "store_changed" and store is None:
        raise BadMessage("a gap of another recording names its store", str(data))
    return Gap(kind, from_t, to_t, reason, store)


def store_of(data: dict[str, Any]) -> str | None:
    """The id of the recording that a message names, None where it names none. Raises BadMessage."""
    store: Any = data.get("store")
    if store is not None and not (isinstance(store, str) and STORE_ID.fullmatch(store)):
        raise BadMessage("a store's id has 32 hexadecimal digits", str(data))
    return store
