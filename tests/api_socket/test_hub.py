"""Who of a process's clients gets what."""

from __future__ import annotations

import asyncio

import pytest

from api_socket.errors import TooManyConnections, TooManySubscriptions, TooSlow
from api_socket.hub import SubscriberHub
from api_socket.protocol import Topic
from streaming.protocol import json_frame
from tests.api_socket.listening import Listener, settled
from tests.processes import PATIENCE_SECONDS

MESSAGE = json_frame({"type": "x"})


def test_a_message_reaches_those_who_want_its_symbol_or_all_each_once() -> None:
    async def run() -> None:
        hub = SubscriberHub(10, 10)
        one, every, both, other = (Listener() for _ in range(4))
        for client, symbols in ((one, ["A"]), (every, [None]), (both, ["A", None]), (other, ["B"])):
            for symbol in symbols:
                hub.subscribe(client, Topic("alerts", symbol))
        hub.tell("alerts", "A", MESSAGE)
        hub.tell("market_data", "A", MESSAGE)
        await settled()
        assert [len(client.messages) for client in (one, every, both, other)] == [1, 1, 1, 0]
        hub.tell("alerts", None, MESSAGE)
        await settled()
        assert [len(client.messages) for client in (one, every, both, other)] == [2, 2, 2, 1]

    asyncio.run(run())


def test_who_left_or_unsubscribed_gets_nothing_and_leaves_nothing() -> None:
    async def run() -> None:
        hub = SubscriberHub(10, 10)
        gone, bored = Listener(), Listener()
        for client in (gone, bored):
            hub.join(client)
            hub.subscribe(client, Topic("alerts"))
        hub.leave(gone)
        hub.unsubscribe(bored, Topic("alerts"))
        hub.unsubscribe(bored, Topic("alerts"))
        hub.tell("alerts", None, MESSAGE)
        await settled()
        assert gone.messages == bored.messages == []
        assert hub.audience("alerts", None) == set()
        assert [*hub.subscribers] == [bored]

    asyncio.run(run())


def test_who_says_nothing_is_idle_but_not_by_time_in_which_this_process_stood_still() -> None:
    async def run() -> None:
        hub, quiet, subscribed = SubscriberHub(10, 10), Listener(), Listener()
        for client in (quiet, subscribed):
            client.heard_at = 0.0
            hub.join(client)
        hub.subscribe(subscribed, Topic("alerts"))
        assert [now for now in range(61) if hub.idle(60, now)] == [60]
        quiet.heard_at = 60.0
        found = {now: hub.idle(60, now) for now in (61, 900, *range(901, 1000))}
        assert not any(found[now] for now in range(900, 921) if now in found)
        assert found[999] == [quiet]

    asyncio.run(run())


def test_the_fifty_first_subscription_is_refused_and_one_again_is_none() -> None:
    async def run() -> None:
        hub, client = SubscriberHub(10, 50), Listener()
        for i in range(50):
            hub.subscribe(client, Topic("alerts", f"S{i}"))
        hub.subscribe(client, Topic("alerts", "S0"))
        with pytest.raises(TooManySubscriptions, match="最多50个"):
            hub.subscribe(client, Topic("alerts", "S50"))
        hub.unsubscribe(client, Topic("alerts", "S7"))
        hub.subscribe(client, Topic("alerts", "S50"))

    asyncio.run(run())


def test_one_connection_too_many_is_refused() -> None:
    async def run() -> None:
        hub = SubscriberHub(2, 50)
        first = Listener()
        for client in (first, Listener()):
            hub.join(client)
        with pytest.raises(TooManyConnections, match="最多2个"):
            hub.join(Listener())
        hub.leave(first)
        hub.join(Listener())

    asyncio.run(run())


def test_a_token_with_all_places_keeps_no_other_out() -> None:
    async def run() -> None:
        hub = SubscriberHub(3, 50)
        greedy, other = [Listener(token=1) for _ in range(3)], Listener(token=2)
        for client in greedy:
            hub.join(client)
            hub.subscribe(client, Topic("alerts"))
        hub.join(other)
        with pytest.raises(TooManyConnections):
            greedy[-1].ended.result()
        assert [*hub.subscribers] == [*greedy[:2], other]
        assert hub.audience("alerts", None) == {*greedy[:2]}
        for token in (1, 2):
            with pytest.raises(TooManyConnections):
                hub.join(Listener(token=token))
        hub.join(Listener(token=3))
        with pytest.raises(TooManyConnections):  # no token has two places now
            hub.join(Listener(token=4))

    asyncio.run(run())


def test_alerts_for_one_who_does_not_read_wait_within_bounds_and_then_end_the_connection() -> None:
    async def run() -> None:
        hub, client = SubscriberHub(10, 10), Listener(most_bytes=10 * len(MESSAGE))
        client.open.clear()
        hub.subscribe(client, Topic("alerts"))
        hub.subscribe(client, Topic("market_data"))
        for _ in range(1000):
            hub.offer("market_data", "A", "A", MESSAGE)
            await asyncio.sleep(0)
        assert not client.ended.done(), "the newest of a key replaces the one before"
        for _ in range(12):
            hub.tell("alerts", None, MESSAGE)
        with pytest.raises(TooSlow):
            client.ended.result()
        client.clear()
        assert client.waiting == 0

    asyncio.run(run())


def test_a_client_is_not_listened_to_while_its_answers_pile_up() -> None:
    async def run() -> None:
        client = Listener()
        client.open.clear()
        while not client.waiting * len(MESSAGE) > 200_000:
            client.tell(MESSAGE)
        room = asyncio.create_task(client.room())
        await settled()
        assert not room.done()
        client.open.set()
        await asyncio.wait_for(room, PATIENCE_SECONDS)

    asyncio.run(run())
