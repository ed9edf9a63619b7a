"""The feed's thread against servers that send anything at all: it goes on, and its status says what was wrong."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from marketcamera import BarCache, BarFeed
from marketcamera.backoff import Backoff
from tests.client.garbage import BAR, feed_garbage
from tests.client.made import serving
from tests.examples import at_most
from tests.network import Listener
from tests.processes import PATIENCE_SECONDS, ROOT, free_port, wait_until


class Server:
    """Answers the first CONNECT with what it is given, and each with a bar at its end."""

    def __init__(self) -> None:
        self.garbage: list[str | bytes] = []
        self.refuses = False
        self.connections = 0

    def __call__(self, connection: ServerConnection) -> None:
        self.connections += 1
        for _ in connection:
            if self.refuses:
                connection.send('{"type":"ERROR","message":"no"}')
                continue
            connection.send(json.dumps({"type": "CONNECTED"}))
            while self.garbage:
                connection.send(self.garbage.pop(0))
            connection.send(json.dumps({**BAR, "symbol": "END"}))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with serving(server) as stream_url:
        yield stream_url.replace("/ws/stream", "/market_data")


@contextmanager
def reading(url: str, **options: Any) -> Iterator[tuple[BarFeed, BarCache]]:
    cache = BarCache()
    feed = BarFeed(cache, Backoff(0.01, 0.02))
    feed.configure(endpoint=url, symbols="A,END", **options)
    feed.start()
    try:
        yield feed, cache
    finally:
        feed.stop()


@settings(max_examples=at_most(50), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(garbage=st.lists(feed_garbage(), min_size=1, max_size=15))
def test_whatever_comes_the_next_bar_is_read(server: Server, url: str, garbage: list[str | bytes]) -> None:
    server.garbage = list(garbage)
    with reading(url) as (feed, cache):
        thread = feed._thread
        wait_until(lambda: cache.get_latest_bar("END", "1m"), "the bar behind the garbage")
        status = feed.get_status()
        assert status["running"]
        assert feed._thread is thread
        assert status["last_error"] is None or len(status["last_error"]) > 10
        assert status["state"] in ("connected", "reconnecting", "error", "connecting")


@pytest.mark.parametrize(
    ("garbage", "told"),
    [
        (b"\x28\xb5\x2f\xfd", "the feed's messages are text, got b'(\\xb5/\\xfd'"),
        ("hello", "a message must be JSON, got 'hello'"),
        ("[[]]", "a message is an object with a type, got '[[]]'"),
        (json.dumps({**BAR, "close": None}), "a bar cannot be read (TypeError"),
        (json.dumps({**BAR, "close": "nan"}), "a bar cannot be read (a time or a number is none)"),
        (json.dumps({**BAR, "close_time": 10**17}), "a bar cannot be read (a time or a number is none)"),
        (json.dumps({**BAR, "timeframe": ["1m"]}), "a bar has a symbol and a timeframe"),
        (json.dumps({"type": "CONNECTED", "unknown_symbols": 7}), "unknown_symbols are names"),
    ],
)
def test_a_message_that_is_not_understood_is_counted_and_left_out(
    server: Server, url: str, garbage: str | bytes, told: str
) -> None:
    server.garbage = [json.dumps(BAR), garbage]
    with reading(url) as (feed, cache):
        wait_until(lambda: cache.get_latest_bar("END", "1m"), "the bar behind it")
        status = feed.get_status()
        assert (status["state"], status["bad_messages"]) == ("connected", 1)
        assert told in status["last_error"]
        assert server.connections == 1, "the connection goes on"
        assert cache.whole_bars("A", "1m")[1] is False, "a bar may be missing since"


def test_a_server_that_is_no_feed_is_given_up_and_tried_again(server: Server, url: str) -> None:
    server.garbage = ['{"type":7}'] * 10
    with reading(url) as (feed, cache):
        wait_until(lambda: cache.get_latest_bar("END", "1m"), "the next connection")
        assert feed.get_status()["bad_messages"] == 10
        assert feed.get_status()["connections"] == 2


@contextmanager
def answering(data: bytes | None) -> Iterator[str]:
    """A server that answers each request with these bytes and hangs up; with None it never answers."""
    held: list[socket.socket] = []

    def take(connection: socket.socket) -> None:
        if data is None:
            held.append(connection)
            return
        connection.settimeout(PATIENCE_SECONDS)
        with connection:
            connection.recv(4096)
            connection.sendall(data)

    listener = Listener(take)
    try:
        yield f"ws://127.0.0.1:{listener.port}/market_data"
    finally:
        listener.close()
        for connection in held:
            connection.close()


def http(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


ANSWERS = [
    (b"", "reconnecting", "did not receive a valid HTTP response"),
    (b"-ERR unknown command\r\n", "reconnecting", "did not receive a valid HTTP response"),
    (http("200 OK"), "reconnecting", "the answer was 200, no stream"),
    (http("404 Not Found"), "reconnecting", "the answer was 404, no stream"),
    (http("503 Service Unavailable"), "reconnecting", "the answer was 503, no stream"),
    (http("101 Switching Protocols"), "reconnecting", "Connection header"),
    (http("301 Moved\r\nLocation: nowhere"), "reconnecting", ""),
]


@pytest.mark.parametrize(("answer", "state", "told"), ANSWERS)
def test_a_handshake_that_fails_is_told_and_tried_again(answer: bytes, state: str, told: str) -> None:
    with answering(answer) as url, reading(url) as (feed, _):
        wait_until(lambda: feed.get_status()["failed_attempts"] >= 2, "another attempt")
        status = feed.get_status()
        assert (status["state"], status["running"], feed.is_connected()) == (state, True, False)
        assert told in status["last_error"]
        assert url in status["last_error"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ws://127.0.0.1:{port}", "refused"),
        ("wss://127.0.0.1:{port}", "refused"),
        ("ws://no-such-host.invalid", ""),
    ],
)
def test_a_server_that_is_not_there_is_told_and_tried_again(url: str, told: str) -> None:
    with reading(url.format(port=free_port())) as (feed, _):
        wait_until(lambda: feed.get_status()["failed_attempts"] >= 2, "another attempt")
        assert feed.get_status()["state"] == "reconnecting"
        assert told in feed.get_status()["last_error"]


def test_tls_where_there_is_none_is_told(url: str) -> None:
    with reading(url.replace("ws://", "wss://")) as (feed, _):
        wait_until(lambda: feed.get_status()["failed_attempts"] >= 2, "another attempt")
        assert "SSL" in feed.get_status()["last_error"] or "TLS" in feed.get_status()["last_error"]


def test_a_refusal_is_an_error_until_it_connects(server: Server, url: str) -> None:
    server.refuses = True
    feed = BarFeed(BarCache(), Backoff(0.01, 0.02))
    feed.configure(endpoint=url, symbols="A")
    assert feed.get_status()["state"] == "disconnected"
    feed.start()
    wait_until(lambda: feed.get_status()["state"] == "error", "the refusal")
    wait_until(lambda: server.connections > 2, "further attempts")
    assert (feed.get_status()["state"], feed.get_status()["last_error"]) == ("error", "no")
    server.refuses = False
    wait_until(feed.is_connected, "the next connection")
    assert feed.get_status()["last_error"] is None
    feed.stop()
    assert feed.get_status()["state"] == "disconnected"


def test_one_that_has_given_up_is_in_error() -> None:
    with reading(f"ws://127.0.0.1:{free_port()}", attempts=2) as (feed, _):
        wait_until(lambda: not feed.running, "the end")
        assert feed.get_status()["state"] == "error"


def test_a_bug_of_ours_ends_no_thread(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put, failures = BarCache.put, [ZeroDivisionError("division by zero")]

    def failing(cache: BarCache, bar: Any) -> None:
        if failures:
            raise failures.pop()
        put(cache, bar)

    monkeypatch.setattr(BarCache, "put", failing)
    with reading(url) as (feed, cache):
        wait_until(lambda: cache.get_latest_bar("END", "1m"), "the next connection")
        assert feed.get_status()["connections"] == 2


def test_a_variable_that_cannot_be_is_told_by_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_RESOLUTIONS", "7m")
    status = BarFeed(BarCache()).get_status()
    assert (status["state"], status["symbols"]) == ("disconnected", [])
    assert "got '7m'" in status["last_error"]


# -- the end


def losses(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_stop_logs_no_loss(url: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        with reading(url) as (feed, _):
            wait_until(feed.is_connected, "the connection")
            thread = feed._thread
            feed.stop()
            feed.stop()
            assert thread is not None
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
            assert feed.get_status()["last_error"] is None
    assert losses(caplog) == []


def test_a_stop_while_it_connects_returns_and_logs_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    with answering(None) as silent:
        with reading(silent) as (feed, _):
            wait_until(lambda: feed.get_status()["state"] == "connecting", "the attempt")
            feed.stop()
            assert not feed.running
            first = feed._thread
            feed.start()
            assert feed.running, "the attempt that is still being made holds up no other"
            assert feed._thread is not first
        assert losses(caplog) == []


def test_stops_from_many_threads_and_from_its_own(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with reading(url) as (feed, _):
        wait_until(feed.is_connected, "the connection")
        threads = [threading.Thread(target=feed.stop) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in threads)


def test_a_log_handler_may_stop_it_or_fail() -> None:
    """Code of the program's that runs on the feed's thread."""
    act: list[Callable[[], None]] = []

    class Acting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.threadName == "bar feed":
                act[0]()

    def fail() -> None:
        raise RuntimeError("the program's own")

    handler, logger = Acting(), logging.getLogger("marketcamera")
    logger.addHandler(handler)
    try:
        act[:] = [fail]
        with reading(f"ws://127.0.0.1:{free_port()}") as (feed, _):
            wait_until(lambda: "the program's own" in str(feed.get_status()["last_error"]), "the failure to be told")
            attempts = feed.get_status()["failed_attempts"]
            wait_until(lambda: feed.get_status()["failed_attempts"] > attempts, "the next attempt")
            act[:] = [feed.stop]
            wait_until(lambda: not feed.running, "the stop from its own thread")
    finally:
        logger.removeHandler(handler)


LEAVING = """
import sys, time
from marketcamera import get_websocket_manager
manager = get_websocket_manager()
manager.configure(endpoint=sys.argv[1], symbols="A")
manager.start()
deadline = time.monotonic() + float(sys.argv[3])
while (state := manager.get_status()["state"]) != sys.argv[2] and time.monotonic() < deadline:
    time.sleep(0.01)
print(state)
"""


@pytest.mark.parametrize("case", ["connected", "connecting", "reconnecting"])
def test_a_program_that_leaves_a_feed_running_just_ends(url: str, case: str) -> None:
    with answering(None) as silent:
        endpoint = {"connected": url, "connecting": silent, "reconnecting": f"ws://127.0.0.1:{free_port()}"}[case]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
        command = [sys.executable, "-c", LEAVING, endpoint, case, str(PATIENCE_SECONDS)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, f"{case}\n")
    assert "Traceback" not in ran.stderr
    assert "Fatal" not in ran.stderr
