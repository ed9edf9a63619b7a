"""Where there is no room for more connections everybody is told so, in the way of what was asked for."""

from __future__ import annotations

import json
import math
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.hostile.clients import UPGRADE, messages_and_close, raw_client, read_to_the_end
from tests.hostile.test_proxies import is_admitted
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until

pytestmark = pytest.mark.long

#: With so few descriptors there is room for 22 connections, 19 WebSockets among them, and for 11 from one address.
DESCRIPTORS = 200
PROXY, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("small"), migrated_database)
    site.descriptors = DESCRIPTORS
    try:
        web = site.serve("serve", "-b", "127.0.0.1", IG_TRUSTED_PROXIES=PROXY)
        assert (
            "200 file descriptors: 22 connections, 11 from one address, 18 requests at a time, 19 WebSockets, where"
            " the settings allow 2000" in web.log()
        )
        yield web
        assert web.stop() == 0
        assert "Traceback" not in web.log()
    finally:
        site.end()


@pytest.fixture
def opened(small: Live) -> Iterator[ExitStack]:
    """Closes at the end what a test has opened, and waits until the server has seen it."""
    with ExitStack() as stack:
        yield stack
    wait_until(lambda: connections(small) <= 1, "the end of all but the question itself")


def connections(small: Live) -> float:
    """Those that count; many where even this one is closed at once."""
    try:
        body = small.ask("/metrics").body.decode()
    except (OSError, HTTPException):
        return math.inf
    (told,) = re.findall(r"^market_camera_connections (\S+)$", body, re.MULTILINE)
    return float(told)


def sockets(small: Live, opened: ExitStack, count: int, source: str = "127.0.0.1", headers: str = "") -> None:
    """Sockets that were let in."""
    for _ in range(count):
        client = raw_client(small, source=source, headers=headers)
        opened.callback(client.close)
        assert is_admitted(client)


def refusal(small: Live, source: str, path: str = "/ws/stream", headers: str = "") -> tuple[dict[str, object], int]:
    """What a socket is told, and the code with which it is closed."""
    with open_connection(small, source) as client:
        client.sendall(UPGRADE.format(path=path, headers=headers).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        messages, close = messages_and_close(read_to_the_end(client))
    assert close is not None
    return messages[-1], close[0]


def open_connection(small: Live, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", small.port), PATIENCE_SECONDS, (source, 0))


def test_an_address_that_is_full_is_told_so_and_others_come_in(small: Live, opened: ExitStack) -> None:
    sockets(small, opened, 11)
    detail = "11 connections are open from 127.0.0.1, the most for one address"
    told = {"type": "error", "error": "too_many_connections", "detail": detail}
    assert refusal(small, "127.0.0.1") == (told, 4429)
    answer = small.ask("/disk")
    assert (answer.status, answer.headers["Connection"], answer.headers["Retry-After"]) == (429, "close", "2")
    assert answer.json() == {"error": {"code": "too_many_connections", "message": detail}}
    assert small.ask("/health").json()["ok"] is True, "the operator's view stays"
    assert small.ask("/metrics").status == 200
    assert refusal(small, "127.0.0.1", "/market_data")[1] == 4429
    told, code = refusal(small, "127.0.0.1", "/api/v1/websocket")
    assert (told["error"], code) == ("too_many_connections", 4429)
    sockets(small, opened, 1, OTHER)


def test_a_client_behind_a_proxy_counts_wherever_it_comes_from(small: Live, opened: ExitStack) -> None:
    sockets(small, opened, 11, PROXY, "X-Forwarded-For: 198.51.100.1:40001\r\n")
    told, code = refusal(small, PROXY, headers="X-Forwarded-For: 198.51.100.1\r\n")
    assert (told["detail"], code) == ("11 connections are open from 198.51.100.1, the most for one address", 4429)
    answer = ask(small, PROXY, "X-Forwarded-For: ::ffff:198.51.100.1\r\n")
    assert answer.startswith(b"HTTP/1.1 429 ")
    sockets(small, opened, 1, PROXY, "X-Forwarded-For: 198.51.100.2\r\n")


def ask(small: Live, source: str, headers: str = "") -> bytes:
    with open_connection(small, source) as client:
        client.sendall(f"GET /disk HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b""
        with suppress(ConnectionResetError):
            while piece := client.recv(10_000):
                answer += piece
        return answer


def test_where_sockets_have_taken_their_share_requests_are_answered(small: Live, opened: ExitStack) -> None:
    sockets(small, opened, 10)
    sockets(small, opened, 9, OTHER)
    told, code = refusal(small, THIRD)
    assert (told["detail"], code) == ("19 WebSockets are open, the most this process takes", 4429)
    assert ask(small, THIRD).startswith(b"HTTP/1.1 200 ")


def test_silent_ones_are_no_crowd(small: Live, opened: ExitStack) -> None:
    for source in ("127.0.0.1", OTHER):
        for _ in range(30):
            opened.callback(open_connection(small, source).close)
    sockets(small, opened, 5)
    sockets(small, opened, 5, OTHER)
    sockets(small, opened, 5, THIRD)


def test_beyond_those_who_are_told_connections_are_closed_at_once(small: Live, opened: ExitStack) -> None:
    sockets(small, opened, 10)
    sockets(small, opened, 9, OTHER)
    busy = []
    for n in range(3 + 32 + 5):
        client = open_connection(small, THIRD if n % 2 else "127.0.0.5")
        opened.callback(client.close)
        client.sendall(b"POST /api/v1/backtests HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        busy.append(client)
    answers = [first_line(client) for client in busy[3:]]
    assert answers.count(b"HTTP/1.1 429 Too Many Requests") >= 32
    assert set(answers) <= {b"HTTP/1.1 429 Too Many Requests", b""}


def first_line(client: socket.socket) -> bytes:
    with suppress(ConnectionResetError):
        return client.recv(10_000).partition(b"\r\n")[0]
    return b""


def test_every_refusal_is_json(small: Live, opened: ExitStack) -> None:
    sockets(small, opened, 11)
    answer = ask(small, "127.0.0.1")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n")
    assert json.loads(body)["error"]["code"] == "too_many_connections"


def test_sockets_that_owe_an_answer_to_their_end_make_room(small: Live, opened: ExitStack) -> None:
    for source in ("127.0.0.1", OTHER):
        for _ in range(11):
            client = raw_client(small, "?types=none", source=source)
            opened.callback(client.close)
            _, close = messages_and_close(read_to_the_end(client))
            assert close is not None
            assert close[0] == 4400
    sockets(small, opened, 11, source=THIRD)
