"""Slow work of one kind holds up no other, and takes no more connections of PostgreSQL than it has threads."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import psycopg
import pytest

from tests.processes import PATIENCE_SECONDS, Live, wait_until
from tests.service_mode.conftest import Deployment

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.long]


def waiting(deployment: Deployment, web: Live) -> int:
    """How many connections of the web process wait for the table."""
    ports = [one.laddr.port for one in psutil.Process(web.process.pid).net_connections("tcp")]
    found = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_port = ANY(%s)"
    with psycopg.connect(deployment.postgres.url) as connection:
        row = connection.execute(found, [ports]).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def asking(web: Live, source: str, request: str, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", web.port), PATIENCE_SECONDS, (source, 0))
            )
            client.sendall(request.encode())
            clients.append(client)
        yield clients


def answer(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(1 << 16):
        received += piece
    return received


def login(web: Live) -> str:
    """A request to log in."""
    page = web.ask("/admin/login/")
    (cookie,) = re.findall(r"csrftoken=(\w+)", page.headers["Set-Cookie"])
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    body = f"csrfmiddlewaretoken={token}&username=root&password=guess"
    return (
        f"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={cookie}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


BARS = "GET /api/v1/bars?resolution=1d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("table", "request_of"), [("bars_bar", lambda web: BARS), ("auth_user", login)])
def test_what_waits_for_a_table_holds_up_nobody_else_and_is_bounded(
    deployment: Deployment, webs: list[Live], table: str, request_of: object
) -> None:
    web = webs[0]
    request = request_of(web)  # type: ignore[operator]
    with deployment.postgres.locked(table):
        with asking(web, "127.0.0.2", request, 50) as clients:
            wait_until(lambda: waiting(deployment, web) == 2, "two threads of this kind that wait")
            wait_until(lambda: sum(map(is_answered, clients)) >= 16, "the refusal of those who find no place")
            for path in ("/manifest/ticks", "/segments", "/health", "/incremental?limit=1", "/live/"):
                assert web.ask(path).status == 200, path
            assert waiting(deployment, web) == 2
            refused = [answer(one) for one in clients if is_answered(one)]
    # 17 where the request for the form that `login` fills in still held a place when the first of these came.
    assert 16 <= len(refused) <= 17
    for one in refused:
        assert one.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 2\r\n" in one
        assert b'{"error": {"code": "busy"' in one


def is_answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.settimeout(PATIENCE_SECONDS)
