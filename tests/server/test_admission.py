"""Who gets a place, who makes way for whom, and who is refused."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.admission.admission import Admission, Capacity, Place, Waiting

PROXY = "proxy"


def admission(total: int = 100, per_address: int = 100, sockets: int = 100, spare: int = 2) -> Admission:
    return Admission(Capacity(total, per_address, sockets, spare))


def enter(at: Admission, peer: str, *, is_proxy: bool = False, works: bool = False) -> Place:
    place = at.enter(peer, is_proxy=is_proxy)
    assert place is not None
    place.look()
    if works:
        place.work()
    return place


def test_where_the_process_is_full_the_oldest_silent_one_of_whom_most_are_silent_makes_way() -> None:
    at = admission(total=5)
    few = enter(at, "few")
    many = [enter(at, "many") for _ in range(3)]
    worker = enter(at, "many", works=True)
    newcomer = enter(at, "new")
    assert newcomer.refusal is None
    assert [place.is_open for place in (few, *many, worker)] == [True, False, True, True, True]
    assert at.open == 5


def test_where_an_address_is_full_its_own_oldest_silent_one_makes_way() -> None:
    at = admission(per_address=2)
    other = enter(at, "other")
    worker, silent = enter(at, "a", works=True), enter(at, "a")
    newcomer = enter(at, "a")
    assert (newcomer.refusal, silent.is_open, worker.is_open, other.is_open) == (None, False, True, True)


def test_who_has_just_come_is_heard_first() -> None:
    at = admission(total=2, spare=1)
    first, second, third = at.enter("a"), at.enter("a"), at.enter("b")
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.refusal, second.refusal) == (None, None)
    assert third.refusal is not None
    assert at.must_listen
    second.work()
    second.wait()
    first.look()
    third.look()
    assert not at.must_listen
    fourth = at.enter("c")
    assert fourth is not None
    assert (fourth.refusal, first.is_open, second.is_open) == (None, True, False)


def test_who_makes_way_is_closed() -> None:
    at = admission(total=1)
    closed: list[str] = []
    enter(at, "a").close = lambda: closed.append("a")
    enter(at, "b")
    assert closed == ["a"]


def test_where_nobody_is_silent_some_are_let_in_to_be_told_and_the_rest_is_not() -> None:
    at = admission(total=1, spare=2)
    worker = enter(at, "a", works=True)
    refused = [enter(at, "b", works=True) for _ in range(2)]
    assert [place.refusal for place in refused] == ["1 connections are open, the most this process takes"] * 2
    assert at.enter("c") is None
    worker.leave()
    assert enter(at, "c").refusal is None


def test_of_the_refused_the_oldest_that_says_nothing_makes_way() -> None:
    at = admission(total=1, spare=2)
    enter(at, "a", works=True)
    first, second, third = (enter(at, "b") for _ in range(3))
    assert (first.is_open, second.is_open, third.is_open) == (False, True, True)
    assert (at.open, at.spare) == (1, 2)


def test_the_limit_of_an_address_is_told_with_its_number() -> None:
    at = admission(per_address=1)
    enter(at, "a", works=True)
    assert enter(at, "a").refusal == "1 connections are open from a, the most for one address"
    assert enter(at, "b").refusal is None


def test_a_refused_one_takes_what_is_free_when_its_request_comes() -> None:
    at = admission(total=1)
    worker = enter(at, "a", works=True)
    late = enter(at, "b")
    worker.leave()
    late.work()
    assert late.refusal is None
    assert (at.open, at.spare) == (1, 0)


def test_a_proxys_connection_counts_for_the_client_of_its_request_alone() -> None:
    at = admission(per_address=1)
    one, two, three = (enter(at, PROXY, is_proxy=True) for _ in range(3))
    one.work("a")
    two.work("a")
    three.work("b")
    assert (one.refusal, three.refusal) == (None, None)
    assert two.refusal == "1 connections are open from a, the most for one address"
    two.leave()
    one.wait()
    three.work("a")
    assert three.refusal is None
    assert enter(at, "a", works=True).refusal is not None
    three.leave()
    assert enter(at, "a").refusal is None


def test_a_proxy_that_names_nobody_counts_for_nobody() -> None:
    at = admission(per_address=1)
    for _ in range(3):
        place = enter(at, PROXY, is_proxy=True)
        place.work(None)
        assert place.refusal is None


def test_sockets_leave_room_for_requests() -> None:
    at = admission(total=3, sockets=1)
    socket, other, request = (enter(at, "a", works=True) for _ in range(3))
    socket.become_socket()
    other.become_socket()
    assert socket.refusal is None
    assert other.refusal == "1 WebSockets are open, the most this process takes"
    assert request.refusal is None
    socket.leave()
    assert at.sockets == 0


def test_behind_a_stream_of_events_or_its_refusal_a_connection_is_like_any_other() -> None:
    at = admission(sockets=1)
    stream, refused = (enter(at, "a", works=True) for _ in range(2))
    stream.become_socket()
    refused.become_socket()
    for place in (stream, refused):
        place.wait()
        place.work()
    assert (at.sockets, stream.refusal, refused.refusal) == (0, None, None)


def test_leaving_twice_counts_once() -> None:
    at = admission()
    place = enter(at, "a")
    place.leave()
    place.leave()
    place.wait()
    place.work()
    assert at.open == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 7), st.randoms(use_true_random=False)), max_size=120))
def test_whatever_happens_the_counts_are_right_and_nobody_is_refused_beside_somebody_silent(
    steps: list[tuple[str, int, random.Random]],
) -> None:
    at = admission(total=6, per_address=4, sockets=3, spare=2)
    places: list[Place] = []
    for peer, action, chance in steps:
        if action < 4 or not places:
            silent = [place for place in places if place.waits and not place.is_spare]
            found = at.enter(peer, is_proxy=peer == "d")
            if found and chance.random() < 0.8:
                found.look()
            if found is None or found.refusal is not None:
                assert not silent or (found and "one address" in str(found.refusal))
                assert not any(place.peer == peer for place in silent)
            places += [found] if found else []
        else:
            place = chance.choice(places)
            client = chance.choice("abc") if place.is_proxy else None
            [place.wait, lambda p=place, c=client: p.work(c), place.become_socket, place.leave][action - 4]()  # type: ignore[misc]
        places = [place for place in places if place.is_open]
        regular = [place for place in places if not place.is_spare]
        assert at.open == len(regular) <= 6
        assert at.spare == len(places) - len(regular) <= 2
        assert at.sockets == sum(place.is_socket for place in places) <= 3
        clients = Counter(place.client for place in regular if place.client is not None)
        assert all(count <= 4 for client, count in clients.items() if client == "d")
        assert at._by_client == clients
    for place in places:
        place.leave()
    assert (at.open, at.spare, at.sockets, at._by_client, len(at._waiting)) == (0, 0, 0, Counter(), 0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 30)), max_size=80))
def test_the_one_of_whom_most_wait_is_found_as_by_a_search(steps: list[tuple[bool, str, int]]) -> None:
    at, waiting, queue = admission(), Waiting(), list[Place]()
    for adds, peer, which in steps:
        if adds or not queue:
            place = Place(at, peer, is_proxy=False)
            queue.append(place)
            waiting.add(place)
        else:
            waiting.remove(queue.pop(which % len(queue)))
        found = waiting.oldest_of_most()
        counts = Counter(place.peer for place in queue)
        assert len(waiting) == len(queue)
        assert waiting.oldest() is (queue[0] if queue else None)
        if found is None:
            assert not queue
        else:
            assert counts[found.peer] == max(counts.values())
            assert found is next(place for place in queue if place.peer == found.peer)


@pytest.mark.parametrize("count", [1, 1000])
def test_nobody_waits_at_the_end(count: int) -> None:
    waiting, at = Waiting(), admission()
    places = [Place(at, "a", is_proxy=False) for _ in range(count)]
    for place in places:
        waiting.add(place)
    for place in places:
        waiting.remove(place)
    assert waiting.oldest_of_most() is None
