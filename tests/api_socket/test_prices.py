"""Prices reach their subscribers ten times a second at most, the newest first of all."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api_socket.hub import SubscriberHub
from api_socket.prices import SLOT_SECONDS, Prices
from api_socket.protocol import Topic
from api_socket.subscriber import Subscriber
from tests.api_socket.listening import Listener, settled


class Clock:
    """The loop's time, and what it is to call later, in the hands of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_later", self._call_later)

    def _call_later(self, seconds: float, call: Callable[[], None]) -> object:
        self.timers.append((self.now + seconds, call))
        return object()

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            timer = min(due, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = end
        await settled()


_ts = itertools.count()


def day(price: float, t: int | None = None, store: str | None = None) -> dict[str, Any]:
    """A group message, by default of the next t."""
    status = {} if store is None else {"store": store}
    return {"t": next(_ts) if t is None else t, "status": status, "seen": {"bars": {"day": {"price": price}}}}


def prices_of(client: Listener) -> list[float]:
    return [message["data"]["price"] for message in client.messages]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Clock, SubscriberHub, Prices], Awaitable[None]]], None]:
    def run(test: Callable[[Clock, SubscriberHub, Prices], Awaitable[None]]) -> None:
        async def main() -> None:
            hub = SubscriberHub(10, 10)
            await test(Clock(monkeypatch), hub, Prices(hub))

        asyncio.run(main())

    return run


def test_the_newest_of_a_slot_wins(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client, ticker = Listener(), prices.follow("A")
        hub.subscribe(client, Topic("market_data", "A"))
        for price in range(5):
            ticker.take(day(price))
            await clock.advance(0.01)
        assert prices_of(client) == [0]
        await clock.advance(SLOT_SECONDS)
        assert prices_of(client) == [0, 4]
        assert client.messages[0] == {"type": "market_data", "symbol": "A", "data": {"price": 0}}
        await clock.advance(10)
        assert prices_of(client) == [0, 4], "nothing new, nothing sent"

    run(test)


def test_ticks_that_a_market_makes_again_after_a_crash_bring_no_price_of_the_past(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client, ticker = Listener(), prices.follow("A")
        hub.subscribe(client, Topic("market_data", "A"))
        for t in (7, 8, 9, 6, 7, 8, 9, 10):
            ticker.take(day(float(t), t, "first"))
            await clock.advance(SLOT_SECONDS)
        assert prices_of(client) == [7, 8, 9, 10]
        ticker.take(day(0.5, 0, "begun anew"))
        await clock.advance(SLOT_SECONDS)
        assert prices_of(client)[-1] == 0.5, "another store has its own t"

    run(test)


def test_no_second_holds_more_than_ten_whatever_the_market_and_the_client_do(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client, ticker, topic = Listener(), prices.follow("A"), Topic("market_data", "A")
        for i in range(300):
            hub.subscribe(client, topic)
            prices.greet(client, topic)
            ticker.take(day(i))
            await clock.advance(0.013)
        assert 30 <= len(client.messages) <= 300 * 0.013 / SLOT_SECONDS + 1
        assert prices_of(client) == sorted(set(prices_of(client)))

    run(test)


def test_a_newcomer_gets_the_price_that_stands_though_no_tick_comes(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        old, new, ticker = Listener(), Listener(), prices.follow("A")
        hub.subscribe(old, Topic("market_data"))
        ticker.take(day(7))
        await clock.advance(5)
        hub.subscribe(new, Topic("market_data"))
        prices.greet(new, Topic("market_data"))
        await clock.advance(1)
        assert (prices_of(old), prices_of(new)) == ([7], [7])

    run(test)


def test_a_market_that_begins_later_reaches_those_who_want_all(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client = Listener()
        hub.subscribe(client, Topic("market_data"))
        prices.greet(client, Topic("market_data"))
        prices.follow("LATE").take(day(1))
        await settled()
        assert [message["symbol"] for message in client.messages] == ["LATE"]

    run(test)


def test_a_subscriber_that_has_left_a_market_without_a_price_is_kept_nowhere(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        async def send(message: dict[str, Any]) -> None: ...

        def come_and_go(topic: Topic) -> weakref.ref[Subscriber]:
            client = Subscriber(send, 1, 1 << 20, raw=False)
            hub.join(client)
            hub.subscribe(client, topic)
            prices.greet(client, topic)
            hub.leave(client)
            client.clear()
            return weakref.ref(client)

        prices.follow("STOPPED")
        left = [come_and_go(topic) for topic in (Topic("market_data"), Topic("market_data", "STOPPED"))]
        gc.collect()
        assert [client() for client in left] == [None, None]
        prices.follow("A").take(day(1))
        left = [come_and_go(Topic("market_data"))]
        await clock.advance(SLOT_SECONDS)
        gc.collect()
        assert [client() for client in left] == [None]

    run(test)


def test_after_unsubscribing_nothing_that_waited_comes(run: Any) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client, topic = Listener(), Topic("market_data", "A")
        hub.subscribe(client, topic)
        client.open.clear()
        ticker = prices.follow("A")
        ticker.take(day(1))
        await clock.advance(1)  # this one is on its way
        ticker.take(day(2))
        hub.unsubscribe(client, topic)
        prices.forget(client, topic)
        client.open.set()
        await clock.advance(1)
        assert prices_of(client) == [1]

    run(test)


@pytest.mark.parametrize(
    "message", [{}, {"seen": {}}, {"seen": None}, {"seen": {"bars": None}}, {"seen": {"bars": {}}}]
)
def test_a_message_without_a_day_sends_nothing(run: Any, message: dict[str, Any]) -> None:
    async def test(clock: Clock, hub: SubscriberHub, prices: Prices) -> None:
        client = Listener()
        hub.subscribe(client, Topic("market_data"))
        prices.follow("A").take(message)
        await clock.advance(1)
        assert client.messages == []

    run(test)
