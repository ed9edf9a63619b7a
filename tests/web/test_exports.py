"""What the page exports of a frame, read back by other programs' parsers, whatever names the agents have."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import networkx
import pytest
import zstandard

from tests import services
from tests.processes import PATIENCE_SECONDS, ROOT

GOLDEN = ROOT / "tests" / "data" / "golden" / "default.frames.jsonl.zst"
NAMES = [
    "=cmd|'/C calc'!A0",
    "+1",
    "-2",
    "@SUM(A1)",
    'a,"b"\r\nc',
    "<b>&amp;</b>",
    "做市商 1",
    "\x1b\x00",
    "\ud83d\ude00",
]


@pytest.fixture(scope="module")
def frame() -> dict[str, Any]:
    lines = zstandard.ZstdDecompressor().stream_reader(GOLDEN.read_bytes(), read_across_frames=True).read().split(b"\n")
    golden: dict[str, Any] = json.loads(lines[0])
    for node, name in zip(golden["nodes"], NAMES, strict=False):
        node["name"] = name
    return golden


@pytest.fixture(scope="module")
def exported(frame: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("exported") / "frame.json"
    path.write_text(json.dumps(frame))
    script = Path(__file__).parent / "exported.mjs"
    ran = subprocess.run(
        [services.program("node"), str(script), str(path), "IG-USD"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    files: dict[str, str] = json.loads(ran.stdout)
    return files


def ids(frame: dict[str, Any]) -> dict[str, str]:
    return {node["node_id"]: str(node["agent_id"]) for node in frame["nodes"]}


def test_graphml_is_the_frame_to_networkx(frame: dict[str, Any], exported: dict[str, str]) -> None:
    graph = networkx.parse_graphml(exported["graphml"], force_multigraph=True)
    assert not graph.is_directed()
    assert (graph.graph["symbol"], graph.graph["t"], graph.graph["W"]) == ("IG-USD", frame["t"], frame["window"]["W"])
    assert set(graph.nodes) == {str(node["agent_id"]) for node in frame["nodes"]}
    for node in frame["nodes"]:
        told = dict(graph.nodes[str(node["agent_id"])])
        name = node.get("name") or str(node["agent_id"])
        assert told.pop("label") == name.replace("\x1b", "\ufffd").replace("\x00", "\ufffd")
        assert told == node["features"]
    named = ids(frame)
    told_edges = sorted((*sorted((a, b)), edge["type"], edge["weight"]) for a, b, edge in graph.edges(data=True))
    assert told_edges == sorted(
        (*sorted((named[edge["src"]], named[edge["dst"]])), edge["type"], edge["w"]) for edge in frame["edges"]
    )
    assert all(type(edge["count"]) is int for _, _, edge in graph.edges(data=True))


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_csv_of_agents_is_the_frame(frame: dict[str, Any], exported: dict[str, str]) -> None:
    rows = rows_of(exported["nodes"])
    assert [row["id"] for row in rows] == [str(node["agent_id"]) for node in frame["nodes"]]
    for row, node in zip(rows, frame["nodes"], strict=True):
        name = node.get("name") or str(node["agent_id"])
        assert row["label"] == (f"'{name}" if name[0] in "=+-@\t\r" else name)
        for feature, value in node["features"].items():
            assert row[feature] == value if isinstance(value, str) else float(row[feature]) == value


def test_no_cell_of_text_begins_as_a_formula_does(exported: dict[str, str]) -> None:
    labels = [row["label"] for row in rows_of(exported["nodes"])]
    assert [label for label in labels if label[0] in "=+-@"] == []


def test_csv_of_edges_is_the_frame(frame: dict[str, Any], exported: dict[str, str]) -> None:
    rows, named = rows_of(exported["edges"]), ids(frame)
    assert len(rows) == len(frame["edges"]) > 0
    for row, edge in zip(rows, frame["edges"], strict=True):
        ends = (named[edge["src"]], named[edge["dst"]])
        assert ((row["source"], row["target"]), row["type"], float(row["weight"])) == (ends, edge["type"], edge["w"])
        assert int(row["count"]) == pytest.approx(edge["w"] * frame["window"]["W"], abs=0.01)
