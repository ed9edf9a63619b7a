"""Requests under way: so many in all, so many of one client, and a part for everybody."""

from __future__ import annotations

from server.admission.requests_under_way import Requests


def begun(requests: Requests, client: str | None, tries: int) -> int:
    """How many of so many requests of a client were let in."""
    return sum(requests.begin(client) is None for _ in range(tries))


def test_a_client_has_so_many_and_is_told_of_its_own_limit() -> None:
    requests = Requests(1000, 10)
    assert begun(requests, "a", 10) == 10
    told = (429, "too_many_requests", "10 requests are under way from a, the most for one address")
    assert requests.begin("a") == told
    requests.end("a")
    assert requests.begin("a") is None


def test_few_clients_leave_room_for_others() -> None:
    requests = Requests(256, 64)
    assert [begun(requests, client, 100) for client in "abcd"] == [64, 48, 36, 27]
    refusal = requests.begin("a")
    assert refusal is not None
    assert refusal.message == "64 requests are under way from a, the most for one address"
    assert begun(requests, "e", 1) == 1


def test_where_all_are_taken_nobody_is_let_in() -> None:
    requests = Requests(3, 64)
    assert begun(requests, None, 2) == 2
    assert begun(requests, "a", 2) == 1
    assert requests.begin("b") == (503, "busy", "3 requests are under way, the most this process takes")
    requests.end(None)
    assert requests.begin("b") is None


def test_who_has_none_is_forgotten() -> None:
    requests = Requests(10, 10)
    for client in ("a", None, "b"):
        assert requests.begin(client) is None
        requests.end(client)
    assert requests.open == 0
    assert not requests._by_client
