"""The paths that are always answered: of those that an address asks for few are under way, and none is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.serving import Serving

PROBE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def serving() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


def test_of_many_probes_of_an_address_a_few_are_under_way_and_the_others_wait(serving: Serving) -> None:
    probes = [serving.connect(PROBE) for _ in range(12)]
    gone = [serving.connect(PROBE) for _ in range(12)]
    for client in gone:
        client.close()
    for _ in range(4):
        serving.event("probed")
    asked = serving.connect(b"GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
    assert serving.event("released")["probed"] == 4
    for client in (asked, *probes):
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        client.close()


def test_probes_of_one_kind_that_hang_hold_up_none_of_another(serving: Serving) -> None:
    hanging = [serving.connect(PROBE) for _ in range(8)]
    for _ in range(4):
        serving.event("probed")
    other = serving.connect(PROBE.replace(b"/health", b"/healthz/live"))
    assert other.recv(12) == b"HTTP/1.1 404"
    for client in (*hanging, other):
        client.close()


def test_sockets_at_the_path_of_probes_hold_up_no_probe(serving: Serving) -> None:
    for _ in range(4):
        serving.upgrade("/metrics").close()
    with serving.connect(PROBE.replace(b"/health", b"/metrics")) as probe:
        assert probe.recv(12) == b"HTTP/1.1 404"
