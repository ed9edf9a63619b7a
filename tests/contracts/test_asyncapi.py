"""The AsyncAPI document: valid, of exactly the sockets that are served, and of what really goes over them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import pytest
import zstandard
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api_socket import errors as subscribe_errors
from api_socket import protocol as subscribe_protocol
from api_socket.routing import websocket_urlpatterns as subscribe_sockets
from bars.feed import protocol as feed_protocol
from bars.feed.routing import websocket_urlpatterns as bar_sockets
from contracts.asyncapi import asyncapi, closes
from contracts.channels import BAR_FEED, CHANNELS, EVENTS, STREAM_SOCKET, SUBSCRIBE_SOCKET, Channel
from streaming import limits, protocol
from streaming.protocol import messages_in
from streaming.routing import websocket_urlpatterns as stream_sockets
from tests.contracts.contract import validate
from tests.contracts.npm import installed
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live
from tests.streaming.events import EventParser
from tests.test_layers import ROOT

#: The schema of AsyncAPI documents, as its authors publish it.
SPECS = "@asyncapi/specs@6.11.1"
OTHER_STORE = "0" * 32

#: (channel, kind of message) that were seen, and what was seen of close codes and errors.
SEEN: set[tuple[str, str]] = set()


# -- the document


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asyncapi("localhost:8000", is_secure=False)))
    return found


def test_it_is_valid_by_the_schema_of_its_authors() -> None:
    import jsonschema  # here, since it takes seconds of every worker to load

    schemas = installed(SPECS) / "node_modules" / "@asyncapi" / "specs" / "schemas"
    schema = json.loads((schemas / "3.0.0-without-$id.json").read_text())
    jsonschema.Draft7Validator(schema).validate(document())


def test_every_reference_in_it_leads_somewhere_and_every_payload_is_a_schema() -> None:
    import jsonschema  # as above

    told = document()

    def look(part: Any) -> None:
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            found = told
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            look(one)

    look(told)
    for message in told["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])


def test_every_socket_is_described_and_every_described_socket_is_served() -> None:
    served = {f"/{one.pattern}" for one in [*subscribe_sockets, *bar_sockets, *stream_sockets]}
    served = {path.removesuffix("/") for path in served} - {""}
    assert served == {one.address for one in CHANNELS if one.protocol == "ws"}


# -- codes


def _raised_in(*folders: str) -> Iterator[tuple[str, int]]:
    """(code, close code) of every StreamError that is made in these folders."""
    values = {**vars(protocol), **vars(limits)}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "StreamError":
                code, _, close = node.args
                assert isinstance(code, ast.Constant)
                assert isinstance(close, ast.Name)
                yield str(code.value), values[close.id]


def test_the_errors_of_the_stream_are_those_that_it_raises() -> None:
    raised = set(_raised_in("streaming"))
    assert raised == {(code, close) for code, close in STREAM_SOCKET.errors if close is not None}
    assert {code for code, close in STREAM_SOCKET.errors if close is None} == {"bad_command"}


def test_the_close_codes_of_the_bar_feed_are_those_that_it_raises() -> None:
    assert {close for _, close in _raised_in("bars")} <= set(closes(BAR_FEED))


def test_the_errors_of_the_subscribe_socket_are_its_classes() -> None:
    classes = [one for one in vars(subscribe_errors).values() if isinstance(one, type)]
    made = {(one.code, one.close) for one in classes if issubclass(one, subscribe_errors.SubscribeError) and one.code}
    assert made == set(SUBSCRIBE_SOCKET.errors)


# -- what is sent


def kind_of(channel: Channel, message: Any) -> str:
    """The name under which a message is described."""
    return f"{message[0]['type']}s" if isinstance(message, list) else str(message["type"])


def judge(channel: Channel, message: Any) -> str:
    """Judge a message that a channel sent; its kind."""
    kind = kind_of(channel, message)
    validate(message, channel.schemas()[kind])
    SEEN.add((channel.name, kind))
    return kind


def take(channel: Channel, told: dict[str, Any]) -> str:
    """A message of a client, which must be as it is described, too."""
    validate(told, channel.takes[told["type"]])
    return json.dumps(told)


def open_socket(live: Live, channel: Channel, query: str = "", **options: Any) -> ClientConnection:
    return connect(
        f"{live.ws_url}{channel.address}{query}", compression=None, max_size=None, max_queue=None, **CALM, **options
    )


def hear(socket: ClientConnection, channel: Channel, *wanted: str) -> None:
    """Judge what comes until each of these kinds has come."""
    left = set(wanted)
    while left:
        left.discard(judge(channel, json.loads(socket.recv(timeout=PATIENCE_SECONDS))))


def hear_end(socket: ClientConnection, channel: Channel) -> int:
    """Judge what comes until the server closes; the close code."""
    try:
        while True:
            judge(channel, json.loads(socket.recv(timeout=PATIENCE_SECONDS)))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        assert closed.rcvd.code in closes(channel)
        return closed.rcvd.code


@pytest.fixture(scope="module")
def silent(market: Live) -> Iterator[ClientConnection]:
    """A paused replay, which is sent nothing but heartbeats."""
    with open_socket(market, STREAM_SOCKET, "?replay=0..9&types=tick") as socket:
        socket.send(take(STREAM_SOCKET, {"type": "pause"}))
        hear(socket, STREAM_SOCKET, "replay")
        yield socket


def test_an_error_among_events(market: Live, silent: ClientConnection) -> None:
    """As many replays are under way as the server takes of an address: three of five."""
    with ExitStack() as replays:
        for _ in range(2):
            socket = replays.enter_context(open_socket(market, STREAM_SOCKET, "?replay=0..50&speed=0.001"))
            hear(socket, STREAM_SOCKET, "tick")
        _events(market, "?replay=0..9", {"error"})


def test_the_stream(market: Live, silent: ClientConnection) -> None:
    with open_socket(market, STREAM_SOCKET, f"?since=5&store={OTHER_STORE}") as socket:
        hear(socket, STREAM_SOCKET, "tick", "metric", "frame", "gap", "caught_up")
        socket.send(take(STREAM_SOCKET, {"type": "ping"}))
        hear(socket, STREAM_SOCKET, "pong")
    with open_socket(market, STREAM_SOCKET, "?batch=5&fields=") as socket:
        hear(socket, STREAM_SOCKET, "ticks", "metrics")
    with open_socket(market, STREAM_SOCKET, "?types=frame&encoding=zstd") as socket:
        text = zstandard.ZstdDecompressor().decompress(socket.recv(timeout=PATIENCE_SECONDS))
        assert judge(STREAM_SOCKET, json.loads(text)) == "frame"


def test_a_replay_on_the_stream(market: Live) -> None:
    with open_socket(market, STREAM_SOCKET, "?replay=0..30&speed=0") as socket:
        hear(socket, STREAM_SOCKET, "replay_end")
        socket.send(take(STREAM_SOCKET, {"type": "seek", "t": 20}))
        hear(socket, STREAM_SOCKET, "replay", "replay_end")
        socket.send(take(STREAM_SOCKET, {"type": "play", "speed": 5}))
        hear(socket, STREAM_SOCKET, "replay")
        socket.send('{"type":"dance"}')
        hear(socket, STREAM_SOCKET, "error")


@pytest.mark.parametrize(("query", "close"), [("?types=pies", 4400), ("?symbol=NOPE", 4404)])
def test_a_stream_that_is_refused(market: Live, query: str, close: int) -> None:
    with open_socket(market, STREAM_SOCKET, query) as socket:
        assert hear_end(socket, STREAM_SOCKET) == close


def test_a_message_that_is_too_large(market: Live) -> None:
    with open_socket(market, STREAM_SOCKET, "?types=frame") as socket:
        socket.send("x" * 5000)
        assert hear_end(socket, STREAM_SOCKET) == 1009


def _events(market: Live, query: str, wanted: set[str], **headers: str) -> None:
    connection, parser = HTTPConnection("127.0.0.1", market.port, timeout=PATIENCE_SECONDS), EventParser()
    sent = {"Accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("GET", f"/stream{query}", headers=sent)
    answer = connection.getresponse()
    assert answer.status == 200
    try:
        while wanted and (piece := answer.read1()):
            parser.feed(piece)
            for event in parser.events:
                kind = judge(EVENTS, event.json)
                assert event.type in (kind, kind.removesuffix("s"))
                wanted.discard(kind)
            parser.events.clear()
    finally:
        connection.close()
    assert not wanted


def test_events(market: Live) -> None:
    _events(market, f"?since=5&store={OTHER_STORE}", {"tick", "metric", "frame", "gap", "caught_up"})
    _events(market, "?batch=5", {"ticks", "metrics"})
    _events(market, "?replay=0..9&speed=0", {"replay_end"})


def test_the_bar_feed(market: Live) -> None:
    with open_socket(market, BAR_FEED) as socket:
        told = {"type": "CONNECT", "symbols": ["IG-USD", "NOPE"], "resolutions": ["1s", "9s"], "history": 2}
        socket.send(take(BAR_FEED, {**told, "request_id": "1"}))
        hear(socket, BAR_FEED, "CONNECTED", "BAR")
        socket.send(take(BAR_FEED, {**told, "history_end": True}))
        hear(socket, BAR_FEED, "CONNECTED", "HISTORY_END")
        socket.send(take(BAR_FEED, {"type": "CONNECT", "symbols": "NOPE", "resolutions": "1s"}))
        hear(socket, BAR_FEED, "ERROR")
        part = {"from": 0, "to": 4_000_000_000_000, "speed": 0}
        socket.send(take(BAR_FEED, {"type": "CONNECT", "symbols": "IG-USD", "resolutions": "1s", "replay": part}))
        hear(socket, BAR_FEED, "REPLAY_END")
        for told in ({"type": "SEEK", "time": 0}, {"type": "PAUSE"}, {"type": "PLAY", "speed": 9}):
            socket.send(take(BAR_FEED, told))
            hear(socket, BAR_FEED, "REPLAY")
        socket.send(json.dumps({"type": "SEEK", "time": "never"}))
        hear(socket, BAR_FEED, "REPLAY")
        live = {"type": "CONNECT", "symbols": "IG-USD", "resolutions": "1s", "replay": {"from": 0, "speed": 0}}
        socket.send(take(BAR_FEED, live))
        hear(socket, BAR_FEED, "CAUGHT_UP")
        socket.send("x" * 70_000)
        assert hear_end(socket, BAR_FEED) == 1009


def test_the_subscribe_socket(market: Live, token: str) -> None:
    with open_socket(market, SUBSCRIBE_SOCKET, f"?token={token}") as socket:
        for channel in ("agent_status", "alerts", "market_data"):
            socket.send(take(SUBSCRIBE_SOCKET, {"type": "subscribe", "channel": channel}))
            hear(socket, SUBSCRIBE_SOCKET, "subscribed", channel)
        socket.send(take(SUBSCRIBE_SOCKET, {"type": "ping", "timestamp": 1.5}))
        socket.send(take(SUBSCRIBE_SOCKET, {"type": "unsubscribe", "channel": "market_data"}))
        hear(socket, SUBSCRIBE_SOCKET, "pong", "unsubscribed")
        socket.send('{"type":"dance"}')
        hear(socket, SUBSCRIBE_SOCKET, "error")


def test_a_replay_of_prices(market: Live, token: str) -> None:
    topic = {"channel": "market_data", "symbol": "IG-USD"}
    with open_socket(market, SUBSCRIBE_SOCKET, f"?token={token}") as socket:
        for part, last in (
            ({"from": 0, "to": 4_000_000_000_000, "speed": 0}, "replay_end"),
            ({"from": 0, "speed": 0}, "caught_up"),
        ):
            socket.send(take(SUBSCRIBE_SOCKET, {"type": "subscribe", **topic, "params": {"replay": part}}))
            hear(socket, SUBSCRIBE_SOCKET, "subscribed", last)
        part = {"from": 0, "speed": 0.001}
        socket.send(take(SUBSCRIBE_SOCKET, {"type": "subscribe", **topic, "params": {"replay": part}}))
        for told in ({"type": "pause"}, {"type": "play", "speed": 2}, {"type": "seek", "time": 0}):
            socket.send(take(SUBSCRIBE_SOCKET, {**told, **topic}))
            hear(socket, SUBSCRIBE_SOCKET, "replay")


def test_the_progress_of_a_backtest(market: Live, token: str) -> None:
    body = json.dumps({"strategy": "ma_cross", "from": 0, "to": 2_000_000_000_000, "resolution": "1s"})
    with open_socket(market, SUBSCRIBE_SOCKET, f"?token={token}") as socket:
        socket.send(take(SUBSCRIBE_SOCKET, {"type": "subscribe", "channel": "backtest_progress"}))
        hear(socket, SUBSCRIBE_SOCKET, "subscribed")
        connection = HTTPConnection("127.0.0.1", market.port, timeout=PATIENCE_SECONDS)
        connection.request("POST", "/api/v1/backtests", body, {"Authorization": f"Bearer {token}"})
        assert connection.getresponse().status == 202
        connection.close()
        hear(socket, SUBSCRIBE_SOCKET, "backtest_progress")


def test_a_subscriber_without_a_token(market: Live) -> None:
    with open_socket(market, SUBSCRIBE_SOCKET) as socket:
        assert hear_end(socket, SUBSCRIBE_SOCKET) == 4401


@pytest.mark.parametrize(
    "facts", [{"reason": "lost", "from_t": 3, "to_t": 4}, {"reason": "store_changed", "store": OTHER_STORE}]
)
def test_a_gap_in_bars_and_prices(facts: dict[str, Any]) -> None:
    """A recording with ticks and without their bars takes a crash; this is what both sockets make of one."""
    wires = (
        (BAR_FEED, feed_protocol.gap("IG-USD", 1500, **facts)),
        (SUBSCRIBE_SOCKET, subscribe_protocol.of_replay("gap", "IG-USD", {"timestamp": 1.5, **facts})),
    )
    for channel, wire in wires:
        for payload, _ in messages_in(wire):
            judge(channel, json.loads(payload))


def test_a_heartbeat(silent: ClientConnection) -> None:
    hear(silent, STREAM_SOCKET, "heartbeat")


def test_every_described_kind_was_seen() -> None:
    """By the tests above."""
    assert {(channel.name, kind) for channel in CHANNELS for kind in channel.schemas()} - SEEN == set()
