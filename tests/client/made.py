"""What the tests of the client are made of: messages, and a server that does as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

STATE = {"price_norm": 0.5, "volatility": 0.001, "liquidity": 1.0, "imbalance": 0.0}
START_TS = 1_700_000_000
ORDER = ("frame", "metric", "tick")


def message(kind: str, t: int) -> dict[str, Any]:
    """A message of a kind, with what the contract promises of it."""
    made: dict[str, Any] = {"type": kind, "t": t, "ts": START_TS + t / 10}
    if kind == "tick":
        actions = [{"id": 0, "side": "buy", "price": 100.0 + t, "size": 1.0}]
        return {**made, "s": STATE, "agents": [{"id": 7, "experience": 0.5}], "actions": actions, "matches": []}
    if kind == "metric":
        return {**made, "s": STATE, "N": 1, "avg_exp": 0.5, "matches_n": 0}
    window = {"W": 3, "t0": t - 2, "t1": t, "stride": 5}
    return {**made, "window": window, "nodes": [], "edges": [], "events": {"bursts": [], "shocks": []}}


def gap(kind: str, from_t: int, to_t: int, reason: str) -> dict[str, Any]:
    return {"type": "gap", "kind": kind, "from_t": from_t, "to_t": to_t, "reason": reason}


def market(ticks: int, stride: int = 5, every: int = 2) -> list[dict[str, Any]]:
    """All messages of a market in the order in which they are sent."""
    made = []
    for t in range(ticks):
        kinds = [("frame", t >= 3 and t % stride == 0), ("metric", t % every == 0), ("tick", True)]
        made += [message(kind, t) for kind, is_there in kinds if is_there]
    return made


class Script:
    """A stream server: `serve_connection(connection, query)` is called for each connection in turn, the last for all
    that follow."""

    def __init__(self, *parts: Callable[[ServerConnection, dict[str, str]], None]) -> None:
        self._parts = list(parts)
        self._lock = threading.Lock()
        self.queries: list[dict[str, str]] = []

    def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = {name: values[0] for name, values in parse_qs(urlsplit(connection.request.path).query).items()}
        with self._lock:
            self.queries.append(query)
            part = self._parts[min(len(self.queries), len(self._parts)) - 1]
        try:
            part(connection, query)
        except ConnectionClosed:
            return


def behind(messages: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """What a server has for a client with this query."""
    since, types = int(query.get("since", -1)), query["types"].split(",")
    return [one for one in messages if one["type"] in types and one["t"] > since]


def say(connection: ServerConnection, messages: list[dict[str, Any]]) -> None:
    for one in messages:
        connection.send(json.dumps(one))


@contextmanager
def serving(script: Callable[[ServerConnection], None], port: int = 0) -> Iterator[str]:
    """The URL of a WebSocket server on this machine."""
    with serve(script, "127.0.0.1", port, compression=None, close_timeout=1) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws/stream"
        finally:
            server.shutdown()
            thread.join()
