"""Messages as objects, and a frame as tables and as a graph."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import networkx
import pandas as pd
import pytest

from marketcamera import BadMessage, Frame, HistoryUnavailable, Tick
from marketcamera.stream.messages import message_of
from marketcamera.stream.price_ranges import PriceRanges
from tests.client.made import message

FEATURES: dict[str, Any] = {
    "buy_count": 5, "sell_count": 2, "none_count": 293, "match_count": 1, "match_rate": 0.003333,
    "quote_price_mean": 50123.5, "quote_price_std": 120.1, "quote_dist_to_mid_mean": 0.001,
    "experience_start": 0.8, "experience_end": 0.82, "experience_delta": 0.02, "dominant_side": "none",
}  # fmt: skip


def frame(agents: int) -> Frame:
    name = "agent:{}@t:1-3".format
    nodes = [{"node_id": name(n), "agent_id": n, "t0": 1, "t1": 3, "features": FEATURES} for n in range(agents)]
    edges = [
        {"src": name(0), "dst": name(1), "type": "match", "w": 0.25},
        {"src": name(0), "dst": name(1), "type": "quote_proximity", "w": 0.5},
        {"src": name(1), "dst": name(2), "type": "match", "w": 0.125},
    ]
    made = message_of({**message("frame", 3), "nodes": nodes, "edges": edges if agents else []})
    assert isinstance(made, Frame)
    return made


def test_nodes_are_a_row_an_agent() -> None:
    table = frame(3).to_frame()
    assert table.index.name == "agent_id"
    assert list(table.index) == [0, 1, 2]
    assert table.loc[1].to_dict() == FEATURES
    assert table.attrs == {"t": 3, "ts": 1_700_000_000.3, "window": {"W": 3, "t0": 1, "t1": 3, "stride": 5}}


def test_names_are_there_where_agents_have_them() -> None:
    plain = frame(3)
    nodes = [plain.nodes[0] | {"name": "ann"}, plain.nodes[1], plain.nodes[2] | {"name": "0xbeef"}]
    named = message_of({**plain.data, "nodes": nodes})
    assert isinstance(named, Frame)
    assert [node.get("name") for node in named.nodes] == ["ann", None, "0xbeef"]
    assert named.to_frame()["name"].tolist() == ["ann", None, "0xbeef"]
    assert list(named.to_frame().columns) == ["name", *FEATURES]
    assert named.to_networkx().nodes[0] == {"name": "ann", **FEATURES}
    assert named.to_networkx().nodes[1] == FEATURES


def test_what_a_frame_leaves_out_is_told_where_the_frame_tells_it() -> None:
    plain = frame(2)
    further = {"pool_count": 3, "degree": 1}
    nodes = [node | {"features": FEATURES | further} for node in plain.nodes]
    counts = {"pairs": {"match": 4, "quote_proximity": 9}, "matches": {"agents": 5, "pool": 7}}
    told = message_of({**plain.data, "nodes": nodes, "edges": [], "window": {**plain.window, **counts}})
    assert isinstance(told, Frame)
    table = told.to_frame()
    assert table.loc[1].to_dict() == FEATURES | further
    assert table.dtypes[list(further)].tolist() == ["int64", "int64"]
    graph = told.to_networkx()
    assert graph.nodes[0] == FEATURES | further
    assert {name: n for name, n in graph.graph.items() if "_" in name} == {
        "pairs_match": 4, "pairs_quote_proximity": 9, "matches_agents": 5, "matches_pool": 7,
    }  # fmt: skip
    networkx.write_graphml(graph, io.BytesIO())


def test_edges_speak_of_agents() -> None:
    expected = {
        "src": [0, 0, 1],
        "dst": [1, 1, 2],
        "type": ["match", "quote_proximity", "match"],
        "w": [0.25, 0.5, 0.125],
    }
    assert frame(3).to_frame("edges").to_dict("list") == expected


@pytest.mark.parametrize("part", ["nodes", "edges"])
def test_an_empty_frame_keeps_its_types(part: Any) -> None:
    empty, full = frame(0).to_frame(part), frame(3).to_frame(part)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_another_part_is_refused() -> None:
    with pytest.raises(ValueError, match="part must be nodes or edges, got 'agents'"):
        frame(0).to_frame("agents")  # type: ignore[arg-type]


def test_the_graph_keeps_both_kinds_of_edges_between_two_agents() -> None:
    graph = frame(3).to_networkx()
    assert dict(graph.nodes(data=True))[2] == FEATURES
    assert sorted(graph.edges(keys=True)) == [(0, 1, "match"), (0, 1, "quote_proximity"), (1, 2, "match")]
    assert graph[0][1]["quote_proximity"] == {"type": "quote_proximity", "weight": 0.5}
    assert graph.graph == {"t": 3, "ts": 1_700_000_000.3, "W": 3, "t0": 1, "t1": 3, "stride": 5}


def test_a_tick_knows_its_mid() -> None:
    def tick(prices: list[float], **more: Any) -> Tick:
        actions = [{"id": i, "side": "buy", "price": price, "size": 1.0} for i, price in enumerate(prices)]
        made = message_of(
            {**message("tick", 3), "actions": [*actions, {"id": 9, "side": "none", "price": 9e9}], **more}
        )
        assert isinstance(made, Tick)
        return made

    assert tick([3.0, 1.0, 8.0]).mid == 3.0
    assert tick([]).mid is None
    assert tick([1.0], mid=7.5).mid == 7.5


def test_a_price_is_of_the_range_of_its_run() -> None:
    ranges = PriceRanges()
    ranges.take("5:40000.0:60000.0, 9:1e-05:3e-05")
    ranges.take("5:2.0:1.0")  # what cannot be tells nothing
    assert [message_of(message("tick", t), ranges).price for t in (0, 5, 8, 9)] == [50_000.0] * 3 + [2e-5]
    assert message_of(message("metric", 9), ranges).price == 2e-5
    with pytest.raises(BadMessage, match="the state of a tick has a price_norm"):
        message_of({**message("tick", 3), "s": {"price_norm": "high"}}, ranges).price  # noqa: B018
    with pytest.raises(HistoryUnavailable, match="it is of no server"):
        message_of(message("tick", 3)).price  # noqa: B018


def test_the_client_needs_nothing_of_the_server_and_loads_pandas_only_for_tables() -> None:
    lines = [
        "import sys, marketcamera, wealthdata",
        "ours = {'market', 'camera', 'recorder', 'streaming', 'bars', 'igsite', 'django', 'numpy', 'pandas'}",
        "assert not ours & set(sys.modules), ours & set(sys.modules)",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
