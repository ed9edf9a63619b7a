"""How many a client may be, and how much it may say."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from ipaddress import ip_address

import pytest

from streaming.limits import REFUSED, Connections, Rate, Replays, check_admitted, check_size
from streaming.protocol import StreamError

ONE, OTHER = ip_address("203.0.113.1"), ip_address("203.0.113.2")


def test_connections_are_counted_in_all_and_by_address() -> None:
    connections = Connections(most=4, most_per_address=2)
    with ExitStack() as open_ones:
        for address in (ONE, ONE, ip_address("2001:db8::1")):
            open_ones.enter_context(connections.admit(address))
        with pytest.raises(StreamError, match=r"2 connections are open from 203\.0\.113\.1, the most for one address"):
            open_ones.enter_context(connections.admit(ONE))
        open_ones.enter_context(connections.admit(ip_address("2001:db8::2")))
        with pytest.raises(StreamError, match="4 connections are open, the most this process takes") as refused:
            open_ones.enter_context(connections.admit(OTHER))
        assert (refused.value.code, refused.value.close) == ("too_many_connections", 4429)
    assert connections.open == 0
    with connections.admit(ONE):
        assert connections.open == 1


def test_a_socket_for_which_the_server_has_no_room_is_refused() -> None:
    check_admitted({"extensions": {REFUSED: None}})
    check_admitted({})
    with pytest.raises(StreamError, match="no room") as refused:
        check_admitted({"extensions": {REFUSED: "no room"}})
    assert (refused.value.code, refused.value.close) == ("too_many_connections", 4429)


def test_replays_are_counted_while_they_are_under_way() -> None:
    replays, one = Replays(most=1), ip_address("192.0.2.1")
    with replays.admit(one):
        with pytest.raises(StreamError, match="1 replays are under way, the most this process takes") as refused:
            replays.admit(one).__enter__()
        assert (refused.value.code, refused.value.close) == ("too_many_replays", 4429)
    with replays.admit(one):
        assert replays.open == 1


def test_an_address_that_takes_all_replays_it_can_get_leaves_some_to_others() -> None:
    replays, taken = Replays(most=100), Counter[str]()
    with ExitStack() as under_way:
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"):
            with suppress(StreamError):
                while True:
                    under_way.enter_context(replays.admit(ip_address(address)))
                    taken[address] += 1
        assert taken == {"192.0.2.1": 50, "192.0.2.2": 25, "2001:db8::1": 13}, "a /64 is one address"
        with pytest.raises(StreamError, match=r"50 replays are under way from 192\.0\.2\.1, its share while 12 of 100"):
            replays.admit(ip_address("192.0.2.1")).__enter__()
    assert replays.open == 0


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
