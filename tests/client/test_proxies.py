"""A proxy in the environment that cannot be used: said in a sentence, without its password, and then gone on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

import pytest
from websockets.sync.server import ServerConnection

from marketcamera import (
    BarCache,
    BarFeed,
    HistoryUnavailable,
    Replay,
    Stream,
    WebSocketConnectionError,
    get_price,
    get_websocket_manager,
)
from marketcamera.backoff import Backoff
from marketcamera.command import main
from tests.client.made import message, serving
from tests.processes import wait_until

SOCKS = "socks5://me:secret@127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "ws", "wss", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for package in ("python_socks", "socksio"):  # as where they are not installed
        monkeypatch.setitem(sys.modules, package, None)


def both(connection: ServerConnection) -> None:
    """A feed to who connects as to one, else a stream."""
    assert connection.request is not None
    if connection.request.path == "/market_data":
        for _ in connection:
            connection.send(json.dumps({"type": "CONNECTED"}))
        return
    connection.send(json.dumps(message("tick", 1)))
    connection.recv()


@pytest.fixture
def url() -> Iterator[str]:
    with serving(both) as stream_url:
        yield stream_url.removesuffix("/ws/stream")


PROXIES = [
    (SOCKS, "SOCKS proxy"),
    ("ftp://me:secret@127.0.0.1:1", "scheme ftp isn't supported"),
    ("http://me:secret@127.0.0.1:1/path", "path is meaningless"),
]


@pytest.mark.parametrize(("proxy", "told"), PROXIES)
def test_a_feed_says_so_and_connects_once_it_is_gone(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, proxy: str, told: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("WS_PROXY", proxy)
    feed = BarFeed(BarCache(), Backoff(0.01, 0.02))
    feed.configure(endpoint=f"{url}/market_data", symbols="A")
    feed.start()
    try:
        wait_until(lambda: feed.get_status()["failed_attempts"] >= 2, "another attempt")
        status = feed.get_status()
        assert (status["state"], status["running"]) == ("error", True)
        assert "the environment names a proxy" in status["last_error"]
        assert told in status["last_error"]
        monkeypatch.delenv("ALL_PROXY")
        monkeypatch.delenv("WS_PROXY")
        wait_until(feed.is_connected, "the connection")
    finally:
        feed.stop()
    assert "secret" not in caplog.text + str(status)


@pytest.mark.parametrize("style", ["sync", "async"])
@pytest.mark.parametrize(("proxy", "told"), PROXIES)
def test_a_stream_raises_it(url: str, monkeypatch: pytest.MonkeyPatch, style: str, proxy: str, told: str) -> None:
    monkeypatch.setenv("WS_PROXY", proxy)

    async def first() -> None:
        async for _ in Stream(url):
            return

    with pytest.raises(WebSocketConnectionError, match=told) as caught:
        next(iter(Stream(url))) if style == "sync" else asyncio.run(first())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("proxy", "told"), [(SOCKS, "NO_PROXY"), ("ftp://me:secret@127.0.0.1:1", "Unknown scheme")])
def test_who_asks_for_the_past_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proxy: str, told: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    get_websocket_manager().configure(endpoint=f"{url}/market_data")
    with pytest.raises(HistoryUnavailable, match=told) as caught:
        get_price("A")
    with pytest.raises(HistoryUnavailable, match=told):
        list(Replay(url.replace("ws://", "http://")))
    for command in (["status"], ["price", "A"]):
        assert main([*command, "--url", url]) == 1
        assert told in capsys.readouterr().err
    assert "secret" not in str(caught.value)


def test_a_host_that_needs_no_proxy_needs_no_package_for_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", SOCKS)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert next(iter(Stream(url, "tick"))).kind == "tick"
    with pytest.raises(HistoryUnavailable, match="the answer was 426"):
        list(Replay(url.replace("ws://", "http://")))
