"""Messages of a market as objects: ticks, metrics, frames, and the gaps where some are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import networkx
    import pandas

Kind = Literal["tick", "metric", "frame"]

#: In the order in which those of one t come.
KINDS: tuple[Kind, ...] = ("frame", "metric", "tick")


@dataclass(frozen=True, slots=True)
class Message:
    """What every message has: its tick number `t`, market time `ts` in Unix seconds, and itself as JSON gave it."""

    t: int
    ts: float
    data: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        kind: Kind = self.data["type"]
        return kind

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


@dataclass(frozen=True, slots=True)
class Tick(Message):
    """One step of the market; `actions[i]` is what `agents[i]` did, `matches` speak of indexes of actions."""

    @property
    def state(self) -> Mapping[str, float]:
        """price_norm, volatility, liquidity and imbalance."""
        state: Mapping[str, float] = self.data["s"]
        return state

    @property
    def agents(self) -> list[dict[str, Any]]:
        return list(self.data.get("agents", ()))

    @property
    def actions(self) -> list[dict[str, Any]]:
        return list(self.data.get("actions", ()))

    @property
    def matches(self) -> list[dict[str, Any]]:
        return list(self.data.get("matches", ()))

    @property
    def mid(self) -> float | None:
        """The median of all quotes, or the mid its source gave; None in a tick without quotes."""
        given = self.data.get("mid")
        if given is not None:
            return float(given)
        prices = [action["price"] for action in self.actions if action["side"] != "none"]
        return float(median(prices)) if prices else None


@dataclass(frozen=True, slots=True)
class Metric(Message):
    """A tick in a few numbers."""

    @property
    def state(self) -> Mapping[str, float]:
        """price_norm, volatility, liquidity and imbalance."""
        state: Mapping[str, float] = self.data["s"]
        return state

    @property
    def active_agents(self) -> int:
        return int(self.data["N"])

    @property
    def mean_experience(self) -> float:
        return float(self.data["avg_exp"])

    @property
    def match_count(self) -> int:
        return int(self.data["matches_n"])


@dataclass(frozen=True, slots=True)
class Frame(Message):
    """The structure of a window of ticks: who is there, and who trades with or quotes next to whom."""

    @property
    def window(self) -> Mapping[str, int]:
        """W, stride, and the first and last t, `t0` and `t1`."""
        window: Mapping[str, int] = self.data["window"]
        return window

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return list(self.data["nodes"])

    @property
    def edges(self) -> list[dict[str, Any]]:
        return list(self.data["edges"])

    @property
    def events(self) -> Mapping[str, list[dict[str, Any]]]:
        """`bursts` and `shocks`."""
        events: Mapping[str, list[dict[str, Any]]] = self.data["events"]
        return events

    def to_frame(self, part: Literal["nodes", "edges"] = "nodes") -> pandas.DataFrame:
        """The nodes (a row an agent, a column a feature) or the edges (agent ids, type, weight) as a DataFrame."""
        from marketcamera.structure import edge_table, node_table

        if part not in ("nodes", "edges"):
            raise ValueError(f"part must be nodes or edges, got {part!r}")
        return node_table(self) if part == "nodes" else edge_table(self)

    def to_networkx(self) -> networkx.MultiGraph[int]:
        """The graph of agents, features on its nodes, type and `weight` on its edges. Needs networkx."""
        from marketcamera.structure import graph

        return graph(self)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of `kind` with from_t <= t <= to_t that nobody can give any more.

    `reason` is `expired` (the recording was cleaned up), `lost` (it never was recorded), `slow`, or `store_changed`:
    what follows is of another recording, `store` is its id, and its t may be lower.
    """

    kind: Kind
    from_t: int
    to_t: int
    reason: str
    store: str | None = None


Received = Tick | Metric | Frame | Gap

_CLASSES: dict[str, type[Tick] | type[Metric] | type[Frame]] = {"tick": Tick, "metric": Metric, "frame": Frame}


def message_of(data: dict[str, Any]) -> Tick | Metric | Frame:
    """The object for a decoded tick, metric or frame. Raises KeyError for any other type and for one without t."""
    return _CLASSES[data["type"]](data["t"], data["ts"], data)


def gap_of(data: dict[str, Any]) -> Gap:
    """The object for a decoded gap message."""
    return Gap(data["kind"], data["from_t"], data["to_t"], data["reason"], data.get("store"))
