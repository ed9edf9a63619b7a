"""The stream against a server that breaks off, skips, refuses, falls silent and comes back."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from marketcamera import ConnectionGivenUp, Gap, Received, Stream, StreamRefused
from marketcamera.backoff import Backoff
from tests.client.made import START_TS, Script, behind, gap, market, message, say, serving
from tests.processes import PATIENCE_SECONDS, free_port, wait_until

MARKET = market(40)
ALL = [(one["type"], one["t"]) for one in MARKET]
Part = Callable[[ServerConnection, dict[str, str]], None]


def breaking_off(after: int) -> Part:
    def part(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, behind(MARKET, query)[:after])
        connection.socket.close()

    return part


def whole(connection: ServerConnection, query: dict[str, str]) -> None:
    say(connection, [*behind(MARKET, query), {"type": "caught_up", "t": 39}])
    connection.recv()


def stream(url: str, since: int | None = -1, **options: Any) -> Stream:
    return Stream(url, since=since, backoff=Backoff(0.01, 0.05), **options)


def taken(messages: Iterator[Received], count: int) -> list[tuple[str, int]]:
    return [(one.kind, one.from_t if isinstance(one, Gap) else one.t) for one in islice(messages, count)]


async def taken_async(one: Stream, count: int) -> list[tuple[str, int]]:
    found = []
    async for each in one:
        found.append((each.kind, each.from_t if isinstance(each, Gap) else each.t))
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("style", ["sync", "async"])
def test_every_message_comes_once_whatever_breaks(style: str) -> None:
    script = Script(breaking_off(7), breaking_off(0), breaking_off(12), breaking_off(1), whole)
    with serving(script) as url:
        one = stream(url)
        heard = taken(iter(one), len(ALL)) if style == "sync" else asyncio.run(taken_async(one, len(ALL)))
    assert heard == ALL
    assert len(script.queries) == 5
    assert script.queries[0] == {"types": "frame,metric,tick", "since": "-1"}


def test_a_loop_that_is_left_goes_on_where_it_was() -> None:
    with serving(Script(whole)) as url:
        one, heard = stream(url), []
        while len(heard) < len(ALL):
            heard += taken(iter(one), min(9, len(ALL) - len(heard)))
        assert heard == ALL
        assert one.position == 39


@pytest.mark.parametrize("style", ["sync", "async"])
def test_what_a_slow_client_was_denied_is_fetched(style: str) -> None:
    def skipping(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, [*MARKET[:6], gap("tick", 3, 20, "slow"), message("tick", 21)])
        connection.recv()

    with serving(Script(skipping, whole)) as url:
        one = stream(url)
        heard = taken(iter(one), len(ALL)) if style == "sync" else asyncio.run(taken_async(one, len(ALL)))
    assert heard == ALL


def test_a_loss_is_given_as_a_gap() -> None:
    def part(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, [gap("tick", 0, 9, "expired"), message("tick", 10)])
        connection.recv()

    with serving(Script(part)) as url:
        first, second = islice(stream(url, types="tick"), 2)
    assert first == Gap("tick", 0, 9, "expired")
    assert second == type(second)(10, START_TS + 1, message("tick", 10))


@pytest.mark.parametrize("style", ["sync", "async"])
def test_a_refusal_is_raised(style: str) -> None:
    def part(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, [{"type": "error", "error": "unknown_symbol", "detail": "there is no market 'X'"}])
        connection.close(4404)

    with serving(Script(part)) as url, pytest.raises(StreamRefused) as caught:
        one = stream(url, symbol="X")
        next(iter(one)) if style == "sync" else asyncio.run(taken_async(one, 1))
    assert (caught.value.code, str(caught.value)) == (
        "unknown_symbol",
        "the server refused: there is no market 'X' (unknown_symbol)",
    )


def refusing(code: str, close: int) -> Part:
    def part(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, [{"type": "error", "error": code, "detail": "not now"}])
        connection.close(close)

    return part


@pytest.mark.parametrize("style", ["sync", "async"])
@pytest.mark.parametrize(("code", "close"), [("too_many_connections", 4429), ("unavailable", 4503)])
def test_a_server_that_cannot_serve_now_is_tried_again(code: str, close: int, style: str) -> None:
    with serving(Script(refusing(code, close), refusing(code, close), whole)) as url:
        one = stream(url)
        assert (taken(iter(one), 3) if style == "sync" else asyncio.run(taken_async(one, 3))) == ALL[:3]


def test_a_connection_that_only_brings_a_refusal_counts_as_a_failure() -> None:
    script = Script(refusing("too_many_connections", 4429))
    told = r"given up after 4 attempts: not now \(too_many_connections\)"
    with serving(script) as url, pytest.raises(ConnectionGivenUp, match=told):
        next(iter(stream(url, attempts=4)))
    assert len(script.queries) == 4


def test_attempts_bound_failures_in_a_row() -> None:
    port = free_port()
    with pytest.raises(ConnectionGivenUp, match=r"given up after 3 attempts: .*refused"):
        next(iter(stream(f"ws://127.0.0.1:{port}", attempts=3)))


def test_a_server_is_waited_for() -> None:
    port, heard = free_port(), []
    one = stream(f"http://127.0.0.1:{port}")
    thread = threading.Thread(target=lambda: heard.extend(taken(iter(one), 5)))
    thread.start()
    with serving(Script(whole), port):
        thread.join(PATIENCE_SECONDS)
    assert heard == ALL[:5]


def test_a_connection_that_falls_silent_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing comes, not even the answer to a ping, nor does the connection end. No stack is logged of it."""
    frozen, frozen_for_long = threading.Event(), threading.Event()

    def freezing(connection: ServerConnection, query: dict[str, str]) -> None:
        say(connection, MARKET[:4])
        with connection.protocol_mutex:  # without it, the server's side cannot even answer a ping
            if not frozen.wait(PATIENCE_SECONDS):
                frozen_for_long.set()

    with serving(Script(freezing, whole)) as url:
        heard = taken(iter(stream(url, silence_seconds=0.6)), len(ALL))
        given_up = not frozen_for_long.is_set()
        frozen.set()
    assert heard == ALL
    assert given_up
    stacks = [record.name for record in caplog.records if record.exc_info]
    assert set(stacks) <= {"websockets.server"}  # which tells of a handshake that was given up, on a busy machine


@pytest.mark.parametrize("style", ["sync", "async"])
def test_close_ends_the_loop_from_another_thread(style: str) -> None:
    def quiet(connection: ServerConnection, query: dict[str, str]) -> None:
        connection.recv()

    with serving(Script(quiet)) as url:
        one, ended = stream(url), threading.Event()

        def read() -> None:
            heard = list(one) if style == "sync" else asyncio.run(taken_async(one, 1))
            assert heard == []
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        wait_until(lambda: one._interrupt.__name__ != "<lambda>", "the connection")
        one.close()
        thread.join(PATIENCE_SECONDS)
        assert ended.is_set()


def test_close_ends_the_wait_for_a_server() -> None:
    one = Stream(f"ws://127.0.0.1:{free_port()}", backoff=Backoff(60, 60))
    thread = threading.Thread(target=lambda: list(one))
    thread.start()
    wait_until(lambda: one._session._backoff.attempts, "the first attempt")
    one.close()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_close_just_before_the_pause_is_not_missed() -> None:
    """As another thread may call it behind the last look at whether it was."""

    class Closing(Backoff):
        def next_seconds(self) -> float:
            one.close()
            return super().next_seconds()

    one = Stream(f"ws://127.0.0.1:{free_port()}", backoff=Closing(10 * PATIENCE_SECONDS, 10 * PATIENCE_SECONDS))

    async def read() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await taken_async(one, 1) == []

    asyncio.run(read())


@pytest.mark.parametrize("fields", [["agents", "matches"], "agents,matches"])
def test_options_reach_the_server_and_the_url_may_name_some(fields: Any) -> None:
    script = Script(whole)
    with serving(script) as url:
        asked = Stream(f"{url}?symbol=A&since=7&types=tick", every=2, fields=fields, symbol="B")
        next(iter(asked))
    assert script.queries == [{"types": "tick", "every": "2", "fields": "agents,matches", "symbol": "B", "since": "7"}]


def test_a_part_of_the_past_that_was_given_whole_is_not_asked_for_again() -> None:
    assert list(Stream("ws://127.0.0.1:1/?replay=100..199&speed=0", "tick", {"tick": 199}, attempts=1)) == []


def test_a_stream_goes_on_exactly_where_another_stopped() -> None:
    with serving(Script(whole)) as url:
        for stop in range(0, len(ALL), 7):
            one = stream(url)
            heard = taken(iter(one), stop)
            two = Stream(url, since=one.positions or -1, backoff=Backoff(0.01, 0.05))
            assert heard + taken(iter(two), len(ALL) - stop) == ALL


def test_compressed_messages_are_the_same() -> None:
    zstandard = pytest.importorskip("zstandard")

    def part(connection: ServerConnection, query: dict[str, str]) -> None:
        for one in MARKET:
            connection.send(zstandard.ZstdCompressor().compress(json.dumps(one).encode()))
        connection.recv()

    with serving(Script(part)) as url:
        assert taken(iter(stream(url, encoding="zstd")), len(ALL)) == ALL


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"url": "localhost:8000"}, "begins with http://"),
        ({"url": "ws://me:secret@localhost"}, "no user and password"),
        ({"types": "ticks"}, "types must be some of frame, metric, tick, got 'ticks'"),
        ({"since": -2}, "since must be an integer of at least -1, got -2"),
        ({"since": "12"}, "since must be an integer of at least -1, got '12'"),
        ({"since": {"tick": 1.5}}, "since must be an integer of at least -1, got 1.5"),
        ({"url": "ws://x?since=soon"}, "since must be an integer of at least -1, got 'soon'"),
        ({"url": "ws://x?batch=5"}, "the rest are arguments; got 'batch'"),
        ({"every": 0}, "every must be an integer of at least 1, got 0"),
        ({"every": 2.0}, "every must be an integer of at least 1, got 2.0"),
        ({"fields": ["prices"]}, "fields must be some of agents, actions, matches"),
        ({"fields": "agents,prices"}, "fields must be some of agents, actions, matches, got ['agents', 'prices']"),
        ({"encoding": "gzip"}, "encoding must be json or zstd, got 'gzip'"),
    ],
)
def test_arguments_that_cannot_be_are_told_at_once(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        Stream(**{"url": "ws://localhost", **arguments})
    assert "secret" not in str(caught.value)
