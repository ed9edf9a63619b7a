"""Answers that nobody reads and logins that nobody counts: they cost a bounded part, and all others go on."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from tests.hostile.clients import cramped_socket, memory_bytes
from tests.hostile.conftest import MARKET
from tests.processes import Live, Site, wait_until

pytestmark = pytest.mark.long

#: Of one address; the piece of an answer that waits, what a connection has beside it, and a share of what threads need
#: at first.
REQUESTS, HELD_BYTES = 64, 7 << 18

#: A page of them has some megabytes.
PAST = 9000


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market with a past, whose server has patience with those who take nothing."""
    site = Site(tmp_path_factory.mktemp("costly"), migrated_database)
    try:
        assert site.run("runmarket", "--ticks", str(PAST), "--speed", "0", **MARKET).returncode == 0
        server = site.serve(**{**MARKET, "IG_STALL_SECONDS": 3600})
        server.wait_for_ticks(PAST)
        yield server
        assert "Traceback" not in server.log(), server.log()[-3000:]
    finally:
        site.end()


def asking(live: Live, opened: ExitStack, request: str, headers: str = "", body: str = "") -> socket.socket:
    """A client that has asked, and has little room for the answer."""
    client = opened.enter_context(cramped_socket(live))
    client.sendall(f"{request} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}".encode())
    return client


def status(client: socket.socket) -> int:
    """The status of its answer, of which it reads no more."""
    found = b""
    while len(found) < 12:
        found += client.recv(12 - len(found))
    return int(found[9:])


def rest_of(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(1 << 16):
        received += piece
    return received


def ticks_pass(live: Live) -> None:
    live.wait_for_ticks(live.json("/incremental?limit=1")["latest_t"] + 5)


@pytest.mark.parametrize("path", ["/incremental?from_t=-1&limit=10000", "/range?kind=ticks"])
def test_unread_answers_take_a_piece_each_and_the_operator_gets_in(live: Live, opened: ExitStack, path: str) -> None:
    page = len(live.ask(path).body)
    before = memory_bytes(live)
    clients = [asking(live, opened, f"GET {path}") for _ in range(REQUESTS + 16)]
    found = [status(client) for client in clients]
    assert Counter(found).keys() == {200, 429}
    # One less where the request for the page still held its place when the first of these came.
    assert REQUESTS - 1 <= found.count(200) <= REQUESTS
    refused = rest_of(clients[found.index(429)])
    assert b"\r\nRetry-After: 2\r\n" in refused
    assert b'{"error":{"code":"too_many_requests"' in refused.replace(b'": ', b'":')
    grown = memory_bytes(live) - before
    assert grown < REQUESTS * HELD_BYTES < REQUESTS * page / 3
    assert "ok" in live.ask("/health").json()
    assert live.ask("/metrics").status == 200
    opened.close()
    wait_until(lambda: live.ask("/disk").status == 200, "an answer once they are gone")
    ticks_pass(live)


def test_wrong_logins_are_refused_before_they_cost_anything(live: Live, opened: ExitStack) -> None:
    page = live.ask("/admin/login/")
    (cookie,) = re.findall(r"csrftoken=(\w+)", page.headers["Set-Cookie"])
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    body = f"csrfmiddlewaretoken={token}&username=root&password=guess"
    headers = f"Cookie: csrftoken={cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    headers += f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    process = psutil.Process(live.process.pid)
    threads = process.num_threads()
    clients = [asking(live, opened, "POST /admin/login/", headers, body) for _ in range(100)]
    wait_until(lambda: live.ask("/incremental?limit=1").status == 200, "an answer, once most of these were refused")
    ticks_pass(live)
    wait_until(lambda: process.num_threads() <= threads, "no thread more than before, but that of a child")
    answers = Counter[int]()
    for client in clients:
        code = status(client)
        answers[code] += 1
        if code != 200:
            head, _, error = rest_of(client).partition(b"\r\n\r\n")
            assert b"Retry-After: " in head
            assert error.startswith(b'{"error":')
    assert set(answers) <= {200, 429, 503}
    assert answers[200] < 50, "the form again, after a hash: ten, and one more each half minute"
    assert sum(answers.values()) == 100


def test_pages_of_the_admin_that_nobody_reads_keep_no_other_address_out(live: Live, opened: ExitStack) -> None:
    for _ in range(REQUESTS - 8):
        client = opened.enter_context(cramped_socket(live))
        client.sendall(b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
    wait_until(lambda: live.ask("/admin/login/").status == 503, "as many from this address as wait")
    with closing(cramped_socket(live, source="127.0.0.2")) as other:
        other.sendall(b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(other) == 200
    opened.close()
    wait_until(lambda: live.ask("/admin/login/").status == 200, "an answer once they are gone")
