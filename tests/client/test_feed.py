"""The feed's thread against a server that drops it, refuses it and comes back."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from marketcamera import Bar, BarCache, BarFeed
from marketcamera.backoff import Backoff
from marketcamera.environment import VARIABLES, names_a_feed, subscription_from_environment
from tests.client.made import serving
from tests.processes import PATIENCE_SECONDS, free_port, wait_until


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Server:
    """A bar feed: each CONNECT is answered by `answer`, with the bars there are; `close_bar` sends one more."""

    def __init__(self) -> None:
        self.connects: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.closed = 0
        self.refusal: str | None = None
        self.store = "a" * 32
        self._lock = threading.Lock()

    def __call__(self, connection: ServerConnection) -> None:
        for text in connection:
            connect = json.loads(text)
            with self._lock:
                self.connects.append(connect)
                if self.refusal is not None:
                    self._send(connection, {"type": "ERROR", "message": self.refusal})
                    continue
                self.connections.append(connection)
                unknown = ",".join(symbol for symbol in connect["symbols"] if symbol != "A")
                told = {"symbols": "A", "stores": self.store, "history_end": True, "unknown_symbols": unknown}
                self._send(connection, {"type": "CONNECTED", **told})
                for n in range(max(0, self.closed - connect["history"]), self.closed):
                    self._send(connection, self.bar(n))
                self._send(connection, {"type": "HISTORY_END"})

    def close_bar(self) -> None:
        with self._lock:
            self.closed += 1
            for connection in self.connections[-1:]:
                self._send(connection, self.bar(self.closed - 1))

    def drop(self) -> None:
        """End the connection as a crash would."""
        with self._lock:
            self.connections.pop().socket.close()

    @staticmethod
    def bar(n: int) -> dict[str, Any]:
        prices = dict.fromkeys(("open", "high", "low", "close"), str(100.5 + n))
        times = {"open_time": n * 60_000, "close_time": (n + 1) * 60_000}
        return {"type": "BAR", "symbol": "A", "timeframe": "1m", **times, **prices, "volume": "2.0"}

    @staticmethod
    def _send(connection: ServerConnection, message: dict[str, Any]) -> None:
        connection.send(json.dumps(message))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with serving(server) as stream_url:
        yield stream_url.replace("/ws/stream", "/market_data")


@pytest.fixture
def new_feed() -> Iterator[Callable[[], tuple[BarFeed, BarCache]]]:
    feeds: list[BarFeed] = []

    def make() -> tuple[BarFeed, BarCache]:
        cache = BarCache()
        feeds.append(BarFeed(cache, Backoff(0.01, 0.05)))
        return feeds[-1], cache

    yield make
    for feed in feeds:
        feed.stop()


NewFeed = Callable[[], tuple[BarFeed, BarCache]]


def times(cache: BarCache) -> list[int]:
    return [bar.open_time // 60_000 for bar in cache.get_bars("A", "1m")]


def test_it_asks_for_what_was_configured_and_caches_what_comes(new_feed: NewFeed, server: Server, url: str) -> None:
    server.closed = 3
    feed, cache = new_feed()
    feed.configure(endpoint=url, symbols=["A", "B"], resolutions=["1min"], csrf_token="t", market_type="crypto")
    feed.start()
    feed.start()
    wait_until(lambda: times(cache) == [0, 1, 2], "the history")
    server.close_bar()
    wait_until(lambda: times(cache) == [0, 1, 2, 3], "the next bar")
    assert cache.get_latest_bar("A", "1m") == Bar("A", "1m", 180_000, 240_000, 103.5, 103.5, 103.5, 103.5, 2.0)
    (connect,) = server.connects
    assert connect == {
        "type": "CONNECT", "request_id": "1", "symbols": ["A", "B"], "resolutions": ["1m"],
        "csrf_token": "t", "market_type": "crypto", "history": 1000, "history_end": True,
    }  # fmt: skip
    status = feed.get_status()
    age = status.pop("seconds_since_message")
    assert 0 <= age < PATIENCE_SECONDS
    assert status == {
        "state": "connected", "running": True, "connected": True, "endpoint": url,
        "symbols": ["A", "B"], "resolutions": ["1m"],
        "unknown_symbols": ["B"], "connections": 1, "failed_attempts": 0, "bad_messages": 0, "last_error": None,
        "replay": None,
    }  # fmt: skip


def test_a_dropped_connection_comes_back_and_fills_its_hole(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, cache = new_feed()
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    wait_until(lambda: feed.connected, "the connection")
    server.close_bar()
    wait_until(lambda: times(cache) == [0], "the first bar")
    for count in (1, 2):
        server.closed += 3
        server.drop()
        wait_until(lambda n=count: times(cache) == list(range(1 + 3 * n)), "what was missed")
    assert len(cache.whole_bars("A", "1m")[0]) == 7
    assert len(server.connects) == 3


def test_the_first_bar_that_is_given_is_the_newest(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, cache = new_feed()
    server.closed = 900
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    first = cache.wait_for_bar("A", "1m", timeout_seconds=PATIENCE_SECONDS)
    assert first is not None
    assert first.open_time == 899 * 60_000


def test_another_recording_behind_the_same_address_takes_the_place_of_the_one_before(
    new_feed: NewFeed, server: Server, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    feed, cache = new_feed()
    server.closed = 9
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    assert cache.wait_for_bar("A", "1m", timeout_seconds=PATIENCE_SECONDS)
    server.store, server.closed = "b" * 32, 3
    server.drop()
    wait_until(lambda: times(cache) == [0, 1, 2], "the bars of the new recording, and no others")
    assert "A has another recording now" in caplog.text
    assert cache.wait_for_bar("A", "1m", after=9 * 60_000, timeout_seconds=PATIENCE_SECONDS), "a strategy goes on"


def test_a_refused_connect_is_tried_again(new_feed: NewFeed, server: Server, url: str) -> None:
    server.refusal = "csrf_token is not the one this server asks for"
    feed, _ = new_feed()
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    wait_until(lambda: len(server.connects) > 2, "three attempts")
    assert feed.get_status()["last_error"] == server.refusal
    assert not feed.connected
    server.refusal = None
    wait_until(lambda: feed.connected, "the connection")
    assert feed.get_status()["last_error"] is None


def test_attempts_may_be_bounded(new_feed: NewFeed) -> None:
    feed, _ = new_feed()
    feed.configure(endpoint=f"ws://127.0.0.1:{free_port()}", symbols="A", attempts=3)
    feed.start()
    wait_until(lambda: not feed.running, "the end")
    assert "refused" in feed.get_status()["last_error"]


def test_another_subscription_goes_over_the_same_connection(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, _ = new_feed()
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    wait_until(lambda: feed.connected, "the connection")
    feed.update_subscription(resolutions=["5m", "1h"])
    feed.update_subscription(symbols="A,B")
    wait_until(lambda: len(server.connects) == 3, "the requests")
    assert [(one["symbols"], one["resolutions"]) for one in server.connects] == [
        (["A"], ["1m"]), (["A"], ["5m", "1h"]), (["A", "B"], ["5m", "1h"])
    ]  # fmt: skip
    assert len({id(connection) for connection in server.connections}) == 1
    wait_until(lambda: feed.get_status()["unknown_symbols"] == ["B"], "the answer")


def test_configuring_a_running_feed_connects_anew(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, _ = new_feed()
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    wait_until(lambda: feed.connected, "the connection")
    feed.configure(resolutions="1h")
    wait_until(lambda: len(server.connects) == 2, "the second connection")
    assert server.connects[-1]["resolutions"] == ["1h"]


def test_another_server_s_bars_are_not_those_of_the_one_before(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, cache = new_feed()
    server.closed = 3
    feed.configure(endpoint=url, symbols="A")
    feed.start()
    wait_until(lambda: times(cache) == [0, 1, 2], "the history")
    feed.configure(endpoint=url.replace("ws://", "http://"), resolutions="1m")
    assert times(cache) == [0, 1, 2], "the same server, written otherwise"
    feed.configure(endpoint=f"ws://127.0.0.1:{free_port()}")
    assert cache.get_cached_symbols() == []
    feed.stop()
    feed.configure(endpoint=url)
    assert not feed.running
    feed.start()
    wait_until(lambda: times(cache) == [0, 1, 2], "the history")
    feed.stop()
    feed.configure(endpoint=f"ws://127.0.0.1:{free_port()}")
    assert cache.get_cached_symbols() == [], "one that does not run forgets them as well"


def test_what_configure_leaves_out_stays(new_feed: NewFeed) -> None:
    feed, _ = new_feed()
    url = f"ws://127.0.0.1:{free_port()}"
    feed.configure(endpoint=url, symbols="A", attempts=2, silence_seconds=7.0)
    feed.configure(symbols="A,B")
    assert (feed._attempts, feed._silence_seconds) == (2, 7.0)
    for _ in range(2):
        feed.start()
        wait_until(lambda: not feed.running, "the end")
        assert feed.get_status()["failed_attempts"] == 2
    feed.configure(attempts=None)
    assert (feed._attempts, feed._silence_seconds) == (None, 7.0)


def test_a_stopped_feed_can_be_started_again(new_feed: NewFeed, server: Server, url: str) -> None:
    feed, cache = new_feed()
    feed.configure(endpoint=url, symbols="A")
    server.closed = 2
    for _ in range(2):
        feed.start()
        wait_until(lambda: feed.connected and times(cache) == [0, 1], "the connection and the bars")
        feed.stop()
        assert (feed.running, feed.connected) == (False, False)
    assert len(server.connects) == 2
    assert times(cache) == [0, 1]


def test_the_environment_alone_is_enough(
    new_feed: NewFeed, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"ENDPOINT": url, "SYMBOLS": "A, B", "RESOLUTIONS": "1m,1h", "CSRF_TOKEN": "t", "MARKET_TYPE": "spot"}
    for name, value in asked.items():
        monkeypatch.setenv(f"WEBSOCKET_{name}", value)
    feed, _ = new_feed()
    feed.start_if_environment_says_so()
    wait_until(lambda: feed.connected, "the connection")
    connect = {name: server.connects[0][name] for name in ("symbols", "resolutions", "csrf_token", "market_type")}
    assert connect == {"symbols": ["A", "B"], "resolutions": ["1m", "1h"], "csrf_token": "t", "market_type": "spot"}
    feed.stop()
    feed.start_if_environment_says_so()
    assert not feed.running, "who has stopped it is not overruled"


def test_a_stop_before_the_first_start_leaves_the_environment(
    new_feed: NewFeed, server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSOCKET_ENDPOINT", url)
    monkeypatch.setenv("WEBSOCKET_SYMBOLS", "A")
    feed, _ = new_feed()
    feed.stop()
    assert feed.subscription == subscription_from_environment()
    feed.start_if_environment_says_so()
    assert not feed.running, "who has stopped it is not overruled"
    feed.start()
    wait_until(lambda: feed.connected, "the connection")
    assert server.connects[0]["symbols"] == ["A"]


def test_what_the_environment_asks_for_can_be_read(new_feed: NewFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, _ = new_feed()
    silent = feed.load_config_from_env()
    assert (silent["symbols"], silent["resolutions"]) == ([], ["1m"])
    monkeypatch.setenv("WEBSOCKET_SYMBOLS", "A, B")
    monkeypatch.setenv("WEBSOCKET_RESOLUTIONS", "1m,1h")
    feed.configure(symbols="C")
    asked = feed.load_config_from_env()
    assert asked == {**silent, "symbols": ["A", "B"], "resolutions": ["1m", "1h"]}
    assert feed.get_status()["symbols"] == ["C"], "what was configured stays"
    feed.configure(**asked)
    assert feed.get_status()["symbols"] == ["A", "B"]
    monkeypatch.setenv("WEBSOCKET_RESOLUTIONS", "7m")
    with pytest.raises(ValueError, match=r"in the environment .*got '7m'"):
        feed.load_config_from_env()


def test_without_symbols_nothing_starts(new_feed: NewFeed) -> None:
    feed, _ = new_feed()
    assert not names_a_feed({"WEBSOCKET_ENDPOINT": "ws://x"})
    feed.start_if_environment_says_so()
    assert not feed.running
    with pytest.raises(ValueError, match=r"no symbols: configure\(symbols=\[…\]\) or set WEBSOCKET_SYMBOLS"):
        feed.start()


def test_a_bad_variable_is_told_with_its_names() -> None:
    with pytest.raises(ValueError, match=r"in the environment \(WEBSOCKET_ENDPOINT.*got '7m'"):
        subscription_from_environment({"WEBSOCKET_RESOLUTIONS": "7m"})
