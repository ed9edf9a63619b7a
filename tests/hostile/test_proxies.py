"""Behind a proxy each client counts for itself, and nobody can pass for another."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.hostile.clients import frame, messages_and_close, raw_client
from tests.processes import Live, Site

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module", params=[[], ["--proxy-headers"]], ids=["as it is", "with --proxy-headers"])
def web(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_database: str
) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("proxies"), migrated_database)  # type: ignore[arg-type]
    limits = {"IG_MAX_CONNECTIONS_PER_ADDRESS": 2, "IG_TRUSTED_PROXIES": PROXY}
    try:
        yield site.serve("serve", "-b", "127.0.0.1", *request.param, **limits)
    finally:
        site.end()


def is_admitted(client: socket.socket) -> bool:
    """Whether the server answers a ping, or else refuses the connection."""
    client.sendall(frame(1, b"ping"))
    answer, close = b"", None
    while close is None:
        if b"pong" in answer:
            return True
        piece = client.recv(200)
        assert piece, "it is ended without a word"
        answer += piece
        _, close = messages_and_close(answer)
    assert close[0] == 4429
    return False


def connections(
    web: Live, source: str, forwarded: str, count: int, *, header: str = "X-Forwarded-For", more: str = ""
) -> list[bool]:
    clients = [
        raw_client(web, source=source, headers=f"{header}: {forwarded.format(n=n)}\r\n{more}") for n in range(count)
    ]
    admitted = [is_admitted(client) for client in clients]
    for client in clients:
        client.close()
    return admitted


def test_clients_behind_a_trusted_proxy_count_each_for_itself(web: Live) -> None:
    assert connections(web, PROXY, "198.51.100.{n}", 5) == [True] * 5
    assert connections(web, PROXY, "198.51.100.77", 3) == [True, True, False]


def test_what_a_client_invents_before_its_proxy_speaks_counts_for_nothing(web: Live) -> None:
    assert connections(web, PROXY, "1.1.1.{n}, 198.51.100.88", 3) == [True, True, False]


def test_a_stranger_is_not_believed(web: Live) -> None:
    assert connections(web, STRANGER, "198.51.100.{n}", 3) == [True, True, False]


@pytest.mark.parametrize(
    "forwarded",
    [
        "198.51.100.1:4000{n}",
        "[2001:db8:1::{n}]:40001",
        "2001:DB8:2::{n}",
        '"198.51.100.2:4000{n}"',
    ],
)
def test_nobody_counts_anew_by_writing_the_address_in_another_way(web: Live, forwarded: str) -> None:
    assert connections(web, PROXY, forwarded, 3) == [True, True, False]


@pytest.mark.parametrize(
    "forms",
    [
        ["198.51.100.3", "::ffff:198.51.100.3", "[::FFFF:198.51.100.3]:80"],
        ["unknown", "198.51.100.1, _hidden", "198.51.100.1, 198.51.100.300"],
    ],
    ids=["mapped", "of nobody known"],
)
def test_different_words_for_the_same_count_as_one(web: Live, forms: list[str]) -> None:
    clients = [raw_client(web, source=PROXY, headers=f"X-Forwarded-For: {form}\r\n") for form in forms]
    assert [is_admitted(client) for client in clients] == [True, True, False]
    for client in clients:
        client.close()


def test_forwarded_counts_like_the_other_header(web: Live) -> None:
    assert connections(web, PROXY, "for=198.51.101.{n}", 5, header="Forwarded") == [True] * 5
    for source, forwarded in [
        (PROXY, 'for="198.51.100.4:4000{n}";proto=https'),
        (PROXY, 'For="[2001:db8:3::{n}]"'),
        (STRANGER, "for=198.51.100.{n}"),
    ]:
        assert connections(web, source, forwarded, 3, header="Forwarded") == [True, True, False]


def test_what_a_client_says_in_the_header_that_its_proxy_does_not_set_counts_for_nothing(web: Live) -> None:
    own = "X-Forwarded-For: 198.51.100.5\r\n"
    assert connections(web, PROXY, "for=1.1.1.{n}", 3, header="Forwarded", more=own) == [True, True, False]
