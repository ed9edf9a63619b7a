"""Streams, replays and histories of servers that send anything at all: exactly once all the same, or a sentence."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from marketcamera import BadMessage, HistoryUnavailable, MarketCameraError, Replay, Stream, StreamRefused
from marketcamera.backoff import Backoff
from marketcamera.bars.history import BarHistory
from marketcamera.decoding import MOST_TEXT_BYTES
from marketcamera.stream.messages import Received, message_of
from marketcamera.stream.price_ranges import PriceRanges
from tests.client.garbage import BAR, JSON, stream_garbage
from tests.client.made import behind, market, message, say, serving
from tests.client.test_hostile_feed import ANSWERS, answering
from tests.examples import at_most

MARKET = market(12)
ALL = [(one["type"], one["t"]) for one in MARKET]
STYLES = pytest.mark.parametrize("style", ["sync", "async"])


class Server:
    """Gives the market, with garbage put in at some places: each piece once, unless it is `stubborn`."""

    def __init__(self) -> None:
        self.garbage: list[tuple[int, str | bytes]] = []
        self.stubborn = False

    def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = {"types": "tick,metric,frame", "since": connection.request.path.rpartition("since=")[2]}
        garbage = self.garbage if self.stubborn else [self.garbage.pop(0)] if self.garbage else []
        for number, one in enumerate(MARKET):
            for at, text in garbage:
                if at == number:
                    connection.send(text)
            if behind([one], query):
                connection.send(json.dumps(one))
        connection.recv()


@pytest.fixture(scope="module")
def server() -> Server:
    return Server()


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    with serving(server) as stream_url:
        yield stream_url


def taken(url: str, style: str, count: int = len(ALL)) -> list[tuple[str, int]]:
    stream = Stream(url, since=-1, backoff=Backoff(0.001, 0.002))

    async def heard() -> list[Received]:
        found = []
        async for one in stream:
            found.append(one)
            if len(found) == count:
                break
        return found

    messages = list(islice(stream, count)) if style == "sync" else asyncio.run(heard())
    return [(one.kind, one.t) for one in messages if not hasattr(one, "from_t")]


@STYLES
@settings(max_examples=at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(garbage=st.lists(stream_garbage(), min_size=1, max_size=4))
def test_garbage_between_messages_costs_none(server: Server, url: str, style: str, garbage: list[str | bytes]) -> None:
    """Each piece comes over a connection of its own, and further on."""
    server.garbage = [(6 * n, text) for n, text in enumerate(garbage)]
    assert taken(url, style) == ALL


@STYLES
@pytest.mark.parametrize("text", ["nonsense", '{"type":"tick","t":"3","ts":1}', b"\x28\xb5\x2f\xfd\x04", "7", "{}"])
def test_what_is_never_understood_is_raised_in_a_sentence(
    server: Server, url: str, style: str, text: str | bytes
) -> None:
    server.garbage, server.stubborn = [(5, text)], True
    try:
        with pytest.raises(BadMessage, match="got "):
            taken(url, style)
    finally:
        server.garbage, server.stubborn = [], False


def test_a_message_that_would_fill_the_memory_is_not_understood(server: Server, url: str) -> None:
    bomb = zstandard.ZstdCompressor().compress(b" " * (MOST_TEXT_BYTES + 1))
    server.garbage, server.stubborn = [(0, bomb)], True
    try:
        with pytest.raises(BadMessage, match="a message has at most 268,435,456 bytes of text"):
            taken(url, "sync")
    finally:
        server.garbage, server.stubborn = [], False


@STYLES
@pytest.mark.parametrize("error", ["unknown_symbol", 7, None, ["x"]])
def test_an_error_of_any_shape_is_a_refusal(style: str, error: Any) -> None:
    def refusing(connection: ServerConnection) -> None:
        say(connection, [{"type": "error", "error": error, "detail": {"not": "text"}}])

    with serving(refusing) as url, pytest.raises(StreamRefused, match="the server refused"):
        taken(url, style)


@STYLES
@pytest.mark.parametrize(("answer", "told"), [(answer, told) for answer, _, told in ANSWERS])
def test_a_handshake_that_fails_is_told_in_a_sentence(style: str, answer: bytes, told: str) -> None:
    async def first(stream: Stream) -> None:
        async for _ in stream:
            return

    with answering(answer) as url, pytest.raises(MarketCameraError) as caught:
        stream = Stream(url.replace("/market_data", ""), attempts=2, backoff=Backoff(0.001, 0.001))
        next(iter(stream)) if style == "sync" else asyncio.run(first(stream))
    assert told.removesuffix(", no stream") in str(caught.value)


PARTS = [
    "state", "agents", "actions", "matches", "mid", "price", "active_agents", "mean_experience", "match_count",
    "window", "nodes", "edges", "events", "to_frame", "to_networkx",
]  # fmt: skip


@given(
    kind=st.sampled_from(["tick", "metric", "frame"]), parts=st.dictionaries(st.text(max_size=3), JSON), data=st.data()
)
def test_a_part_that_is_wrong_is_told_by_whoever_reads_it(
    kind: str, parts: dict[str, Any], data: st.DataObject
) -> None:
    whole = message(kind, 3)
    wrong = data.draw(st.dictionaries(st.sampled_from([*whole][3:]), JSON)) | parts
    prices = PriceRanges()
    prices.take("0:1.0:3.0")
    one = message_of({**whole, **wrong, "type": kind, "t": 3, "ts": 1.0}, prices)
    for part in PARTS:
        if hasattr(type(one), part):
            try:
                value = getattr(one, part)
                if callable(value):
                    value()
            except MarketCameraError as error:
                assert "got" in str(error)


# -- over HTTP

Answer = tuple[int, bytes]


@contextmanager
def answering_http(answer: Callable[[str], Answer]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Location", "http://[")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("asking", "stream.replay"):
        monkeypatch.setattr(f"marketcamera.{module}.Backoff", lambda: Backoff(0.001, 0.001))


ANSWER = st.one_of(
    JSON.map(json.dumps),
    st.text(max_size=9),
    JSON.map(lambda bars: json.dumps({"bars": bars})),
    st.builds(lambda name, value: json.dumps({"bars": [{**BAR, name: value}]}), st.sampled_from([*BAR]), JSON),
    JSON.map(lambda gaps: json.dumps({"bars": [], "gaps": gaps})),
)


@pytest.mark.usefixtures("quick")
@settings(max_examples=at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(status=st.sampled_from([200, 200, 200, 301, 400, 404, 500, 503]), body=ANSWER)
def test_a_history_of_any_shape_is_bars_or_a_sentence(status: int, body: str) -> None:
    with answering_http(lambda path: (status, body.encode(errors="replace"))) as url:
        try:
            found = BarHistory(url).before("A", "1m", None, 3)
            assert status == 200
            assert all(bar.open_time < bar.close_time for bar in found.bars)
        except MarketCameraError as error:
            assert len(str(error)) > 20


@pytest.mark.usefixtures("quick")
@settings(max_examples=at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(status=st.sampled_from([200, 200, 200, 301, 400, 404, 500, 503]), line=stream_garbage(), at=st.integers(0, 12))
def test_a_replay_of_any_shape_is_messages_or_a_sentence(status: int, line: str | bytes, at: int) -> None:
    lines = [json.dumps(message("tick", t)).encode() for t in range(12)]
    lines.insert(at, line if isinstance(line, bytes) else line.encode(errors="replace"))
    with answering_http(lambda path: (status, b"\n".join(lines) + b"\n")) as url:
        try:
            found = [one.t for one in Replay(url, 0, 11, types="tick", attempts=3) if not hasattr(one, "from_t")]
            assert found == list(range(12))
            assert status == 200
        except MarketCameraError as error:
            assert len(str(error)) > 20


@pytest.mark.usefixtures("quick")
def test_a_line_that_a_broken_connection_cut_comes_whole_over_the_next() -> None:
    asked = []

    def answer(path: str) -> Answer:
        asked.append(path)
        first = int(path.partition("t0=")[2].partition("&")[0])
        lines = [json.dumps(message("tick", t)).encode() for t in range(first, 6)]
        return 200, b"\n".join(lines)[:300] if len(asked) == 1 else b"\n\n".join(lines) + b"\n \n"

    with answering_http(answer) as url:
        assert [one.t for one in Replay(url, 0, 5, types="tick")] == list(range(6))
    assert len(asked) == 2


@pytest.mark.usefixtures("quick")
def test_a_redirect_to_nowhere_is_told() -> None:
    with answering_http(lambda path: (301, b"")) as url:
        with pytest.raises(HistoryUnavailable, match=r"127\.0\.0\.1"):
            BarHistory(url).before("A", "1m", None, 3)
        with pytest.raises(MarketCameraError, match=r"127\.0\.0\.1"):
            list(Replay(url, attempts=1))


def test_prices_that_are_too_many_for_a_header_are_asked_for_once_for_each_number_of_them() -> None:
    runs, asked = [[0, 1.0, 3.0], [70, 2.0, 4.0]], list[str]()

    def answer(path: str) -> Answer:
        asked.append(path)
        return 503, json.dumps({"ok": False, "meta": {"price_range": runs[-1][1:], "price_ranges": runs}}).encode()

    with answering_http(answer) as url:
        prices = PriceRanges(f"{url}/health")
        for _ in range(3):
            prices.take("many 2")
            assert [prices.at(t) for t in (0, 69, 70)] == [(1.0, 3.0), (1.0, 3.0), (2.0, 4.0)]
        assert asked == ["/health"]
        runs.append([90, 5.0, 6.0])
        prices.take("many 3")
        assert [prices.at(t) for t in (70, 90)] == [(2.0, 4.0), (5.0, 6.0)]
        prices.take("0:7.0:8.0")
        assert prices.at(90) == (7.0, 8.0)
    assert asked == ["/health"] * 2
