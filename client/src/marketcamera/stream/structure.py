"""A frame's structure as tables (pandas) and as a graph (networkx)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from marketcamera.errors import BadMessage, MarketCameraError

if TYPE_CHECKING:
    import networkx
    import pandas


class Structure(Protocol):
    """What a `marketcamera.Frame` holds."""

    @property
    def t(self) -> int: ...
    @property
    def ts(self) -> float | None: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def window(self) -> Mapping[str, Any]: ...
    @property
    def nodes(self) -> list[dict[str, Any]]: ...
    @property
    def edges(self) -> list[dict[str, Any]]: ...


_COUNTS = ("buy_count", "sell_count", "none_count", "match_count")
_FEATURES = (
    *_COUNTS,
    "match_rate",
    "quote_price_mean",
    "quote_price_std",
    "quote_dist_to_mid_mean",
    "experience_start",
    "experience_end",
    "experience_delta",
    "dominant_side",
)
#: What only a frame tells that says what it leaves out.
_FURTHER = ("pool_count", "degree")


def node_table(frame: Structure) -> pandas.DataFrame:
    """A row for each agent, by ascending id (the index, `agent_id`), a column for each feature.

    `pool_count` and `degree` are columns where the frame tells them, which those of older runs do not.
    Where the source names its agents, the first column is `name`, None for an agent without one.
    """
    import pandas as pd

    types = {name: "int64" if name in _COUNTS else "float64" for name in _FEATURES[:-1]} | {"dominant_side": "object"}
    with _understood(frame):
        nodes = frame.nodes
        further = _FURTHER if "pairs" in frame.window else ()
        types |= dict.fromkeys(further, "int64")
        columns = {name: [node["features"][name] for node in nodes] for name in (*_FEATURES, *further)}
        index = pd.Index([node["agent_id"] for node in nodes], dtype="int64", name="agent_id")
        table = pd.DataFrame(columns, index=index).astype(types)
        if any("name" in node for node in nodes):
            table.insert(0, "name", pd.Series([node.get("name") for node in nodes], index, dtype="object"))
    table.attrs |= {"t": frame.t, "ts": frame.ts, "window": dict(frame.window)}
    return table


def edge_table(frame: Structure) -> pandas.DataFrame:
    """A row for each edge, strongest first: agent ids `src` and `dst`, `type` and weight `w`."""
    import pandas as pd

    types = {"src": "int64", "dst": "int64", "type": "object", "w": "float64"}
    with _understood(frame):
        agents = {node["node_id"]: node["agent_id"] for node in frame.nodes}
        edges = frame.edges
        columns = {
            "src": [agents[edge["src"]] for edge in edges],
            "dst": [agents[edge["dst"]] for edge in edges],
            "type": [edge["type"] for edge in edges],
            "w": [edge["w"] for edge in edges],
        }
        table = pd.DataFrame(columns).astype(types)
    table.attrs |= {"t": frame.t, "ts": frame.ts, "window": dict(frame.window)}
    return table


def graph(frame: Structure) -> networkx.MultiGraph[int]:
    """Agents as nodes with their features, and their `name` where they have one.

    An edge is keyed by its type, as two agents may share both types. The graph has the fields of the frame's window;
    `pairs` and `matches` as a number each, which files of graphs can hold: `pairs_match`, `matches_pool` and so on.
    """
    try:
        import networkx
    except ModuleNotFoundError:
        raise MarketCameraError("a graph needs the networkx package: pip install 'marketcamera[graph]'") from None
    with _understood(frame):
        made: networkx.MultiGraph[int] = networkx.MultiGraph(t=frame.t, ts=frame.ts, **_numbers(frame.window))
        agents = {node["node_id"]: node["agent_id"] for node in frame.nodes}
        for node in frame.nodes:
            named = {"name": node["name"]} if "name" in node else {}
            made.add_node(node["agent_id"], **named, **node["features"])
        for edge in frame.edges:
            ends = agents[edge["src"]], agents[edge["dst"]]
            made.add_edge(*ends, key=edge["type"], type=edge["type"], weight=edge["w"])
    return made


def _numbers(window: Mapping[str, Any]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name, value in window.items():
        numbers |= {f"{name}_{part}": n for part, n in value.items()} if isinstance(value, dict) else {name: value}
    return numbers


@contextmanager
def _understood(frame: Structure) -> Iterator[None]:
    """Says in a sentence that a frame lacks what a frame has."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, BadMessage):
            raise
        raise BadMessage(f"a frame's nodes and edges cannot be read ({error!r})", str(dict(frame.data))) from None
