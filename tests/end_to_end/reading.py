"""What the end-to-end tests read: streams, golden tapes, and the contract's shapes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zstandard
from websockets.sync.client import ClientConnection, connect

from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, ROOT, Answer, Live

#: A second market, recorded but not running.
OTHER = "OTHER.1"

TAPES = ("default", "churn", "reference", "events", "sparse")
GOLDEN = ROOT / "tests" / "data" / "golden"


def golden_lines(name: str) -> list[bytes]:
    with (GOLDEN / name).open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().splitlines()


def golden_frames(tape: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in golden_lines(f"{tape}.frames.jsonl.zst")]


def tape_settings(tape: str) -> dict[str, Any]:
    """The environment with which a tape gives its golden frames."""
    camera = json.loads((GOLDEN / f"{tape}.json").read_text())
    return {
        "IG_CAM_W": camera["W"],
        "IG_CAM_STRIDE": camera["stride"],
        "IG_CAM_PROX_EPS_PCT": camera["eps_pct"],
        "IG_CAM_EDGE_CAP": camera["edge_cap"],
        "IG_CAM_EDGE_ORDER": "id",
    }


@contextmanager
def socket(live: Live, query: str = "", path: str = "/ws/stream") -> Iterator[ClientConnection]:
    """A client of the stream."""
    address = f"{live.ws_url}{path}{query}"
    # Who looks at something else meanwhile is no slow client: what comes is taken all the same.
    with connect(address, max_size=None, max_queue=None, **CALM) as client:
        yield client


def hear(client: ClientConnection) -> dict[str, Any]:
    """The next message but for heartbeats, which come where a busy machine leaves a market no time for long."""
    while True:
        text = client.recv(timeout=PATIENCE_SECONDS)
        assert isinstance(text, str)
        message: dict[str, Any] = json.loads(text)
        if message["type"] != "heartbeat":
            return message


def hear_until(client: ClientConnection, **wanted: Any) -> list[dict[str, Any]]:
    """Messages up to the first with these fields, that one included."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    heard = [hear(client)]
    while not wanted.items() <= heard[-1].items():
        assert time.monotonic() < deadline, f"no {wanted} among {len(heard)} messages, the last {heard[-1]}"
        heard.append(hear(client))
    return heard


def assert_error(answer: Answer, status: int, code: str) -> str:
    """An answer in the contract's shape of an error; its message."""
    assert answer.status == status, answer.body[:300]
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message"}
    assert body["error"]["code"] == code
    message: str = body["error"]["message"]
    assert message
    assert "Traceback" not in message
    return message


def assert_is_tick(message: dict[str, Any]) -> None:
    """Every field the contract promises, of its type."""
    assert message["type"] == "tick"
    assert (type(message["t"]), type(message["ts"])) == (int, float)
    state = message["s"]
    assert {"price_norm", "volatility", "liquidity", "imbalance"} <= state.keys()
    assert all(type(value) is float for value in state.values())
    assert 0 <= state["price_norm"] <= 1
    assert 0 <= state["liquidity"] <= 1
    assert -1 <= state["imbalance"] <= 1
    assert len(message["agents"]) == len(message["actions"])
    for i, (agent, action) in enumerate(zip(message["agents"], message["actions"], strict=True)):
        assert (type(agent["id"]), type(agent["experience"])) == (int, float)
        assert action["id"] == i
        assert action["side"] in ("buy", "sell", "none")
        assert (type(action["price"]), type(action["size"])) == (float, float)
    for match in message["matches"]:
        assert 0 <= match["a"] < len(message["actions"])
        assert -1 <= match["b"] < len(message["actions"])
        assert 0 <= match["prob"] <= 1


def assert_is_metric(message: dict[str, Any]) -> None:
    assert message["type"] == "metric"
    assert {"price_norm", "volatility", "liquidity", "imbalance"} <= message["s"].keys()
    assert [type(message[name]) for name in ("t", "ts", "N", "avg_exp", "matches_n")] == [int, float, int, float, int]


FEATURES = {
    "buy_count": int, "sell_count": int, "none_count": int, "match_count": int, "match_rate": float,
    "quote_price_mean": float, "quote_price_std": float, "quote_dist_to_mid_mean": float,
    "experience_start": float, "experience_end": float, "experience_delta": float, "dominant_side": str,
    "pool_count": int, "degree": int,
}  # fmt: skip


def assert_is_frame(message: dict[str, Any], window: int, stride: int) -> None:
    t = message["t"]
    assert (message["type"], type(t), type(message["ts"])) == ("frame", int, float)
    told = message["window"]
    assert told == {**told, "W": window, "t0": t - window + 1, "t1": t, "stride": stride}
    assert told["pairs"].keys() == {"match", "quote_proximity"}
    assert told["matches"].keys() == {"agents", "pool"}
    for node in message["nodes"]:
        assert node["node_id"] == f"agent:{node['agent_id']}@t:{t - window + 1}-{t}"
        assert (node["t0"], node["t1"]) == (t - window + 1, t)
        assert {name: type(value) for name, value in node["features"].items()} == FEATURES
    names = {node["node_id"] for node in message["nodes"]}
    for edge in message["edges"]:
        assert {edge["src"], edge["dst"]} <= names
        assert edge["type"] in ("match", "quote_proximity")
        assert type(edge["w"]) is float
    assert message["events"].keys() == {"bursts", "shocks"}
