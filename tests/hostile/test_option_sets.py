"""Whoever asks for all the sets of options there are leaves the usual ones, and some others, to everybody else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.clients import messages_and_close, raw_client, read_to_the_end
from tests.hostile.test_proxies import PROXY, is_admitted
from tests.processes import Live, Site

Connect = Callable[..., socket.socket]

HEAVY = [f"127.0.1.{n}" for n in range(1, 5)]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("options"), migrated_database)
    try:
        yield site.serve("serve", "-b", "127.0.0.1", IG_TRUSTED_PROXIES=PROXY, IG_PERMESSAGE_DEFLATE=1)
    finally:
        site.end()


@pytest.fixture
def connect(web: Live) -> Iterator[Connect]:
    clients: list[socket.socket] = []

    def connect(query: str, source: str = "127.0.0.1", headers: str = "") -> socket.socket:
        clients.append(raw_client(web, query, source=source, headers=headers))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def refusal(client: socket.socket) -> tuple[str, int]:
    """What a client is told that is refused, and the close code."""
    (message,), close = messages_and_close(read_to_the_end(client))
    assert close is not None
    assert message["error"] == "too_many_options"
    return message["detail"], close[0]


def test_one_address_gets_sixteen_sets_and_the_usual_ones_besides(connect: Connect) -> None:
    taken = [connect(f"?every={every}&since=-1") for every in range(2, 18)]
    assert all(map(is_admitted, taken))
    for every in range(18, 66):
        detail, code = refusal(connect(f"?every={every}"))
        assert detail == "16 different sets of options are in use from 127.0.0.1, the most for one address"
        assert code == 4429
    deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    for query in ("", "?types=frame,metric,tick", "?encoding=json", "?since=-1", "?every=9"):
        assert is_admitted(connect(query))
    page = "?types=tick%2Cmetric%2Cframe&fields="
    assert is_admitted(connect(page))
    assert is_admitted(connect(f"{page}&since=3"))
    assert is_admitted(connect("?every=2", "127.0.0.9")), "what is served already"
    assert is_admitted(connect("?every=100", "127.0.0.9"))
    for client in (connect("?encoding=zstd"), connect("", headers=deflate), connect(page, headers=deflate)):
        client.sendall(b"\x88\x80\x00\x00\x00\x00")  # leaves at once: what it is told until then is compressed
        _, close = messages_and_close(read_to_the_end(client))
        assert close is None or close[0] == 1000


def test_four_addresses_that_take_all_they_can_leave_some_to_others(connect: Connect) -> None:
    for place, source in enumerate(HEAVY):
        for every in range(16):
            connect(f"?every={1000 * (place + 1) + every}", source)
    others = [connect(f"?every={9000 + n}", f"127.0.2.{n + 1}") for n in range(10)]
    assert all(map(is_admitted, others))


def test_behind_a_proxy_each_client_has_its_own(connect: Connect) -> None:
    def admitted(every: int, client: str) -> bool:
        return is_admitted(connect(f"?every={every}", PROXY, f"X-Forwarded-For: {client}\r\n"))

    assert all(admitted(2 + n, "198.51.100.7") for n in range(16))
    assert not admitted(50, "198.51.100.7:4711")
    assert admitted(51, "198.51.100.8")
    assert not admitted(52, "::ffff:198.51.100.7")
