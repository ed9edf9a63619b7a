"""Who a client is, behind which proxies, and how many it may be."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import pytest

from streaming.limits import Connections, Rate, check_size, client_address, household
from streaming.protocol import StreamError

PROXIES = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8")]


def scope(client: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"x"), *[(b"x-forwarded-for", value.encode()) for value in forwarded]]
    return {"client": None if client is None else [client, 5000], "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.7.7.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        (None, ["198.51.100.1"], "198.51.100.1"),
        (None, [], "127.0.0.1"),
        ("10.0.0.1", ["nonsense"], "nonsense"),
    ],
)
def test_a_forwarded_address_is_believed_of_trusted_proxies_alone(
    client: str | None, forwarded: list[str], found: str
) -> None:
    assert client_address(scope(client, *forwarded), PROXIES) == found
    assert client_address(scope(client, *forwarded), []) == (client or "127.0.0.1")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_of_ipv6_a_whole_64_is_one_address(address: str, counted: str) -> None:
    assert household(address) == counted


def test_connections_are_counted_in_all_and_by_address() -> None:
    connections = Connections(most=4, most_per_address=2)
    with ExitStack() as open_ones:
        for address in ("a", "a", "2001:db8::1"):
            open_ones.enter_context(connections.admit(address))
        with pytest.raises(StreamError, match="2 connections are open from a, the most for one address"):
            open_ones.enter_context(connections.admit("a"))
        open_ones.enter_context(connections.admit("2001:db8::2"))
        with pytest.raises(StreamError, match="4 connections are open, the most this process takes") as refused:
            open_ones.enter_context(connections.admit("b"))
        assert (refused.value.code, refused.value.close) == ("too_many_connections", 4429)
    assert connections.open == 0
    with connections.admit("a"):
        assert connections.open == 1


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    rate = Rate(rate=2.0, burst=3.0, now=0.0)
    assert [rate.allows(0.0) for _ in range(4)] == [True, True, True, False]
    assert [rate.allows(0.5), rate.allows(0.5)] == [True, False]
    assert [rate.allows(60.0) for _ in range(4)] == [True, True, True, False]


def test_a_message_may_have_4096_bytes() -> None:
    check_size({"text": "x" * 4096})
    with pytest.raises(StreamError, match="a message may have 4096 bytes here, got 4097") as refused:
        check_size({"bytes": b"x" * 4097})
    assert refused.value.close == 1009
