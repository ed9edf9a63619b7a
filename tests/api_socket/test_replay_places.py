"""The places of replays of prices: who has one, who gives it back, and what a refusal leaves as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

from api_socket import consumers
from api_socket import replays as replays_module
from api_socket.errors import InvalidFormat, SubscribeError, TooManyReplays, TooManySubscriptions
from api_socket.hub import SubscriberHub
from api_socket.prices import Prices
from api_socket.protocol import Control, Subscribe, Topic
from api_socket.replays import SubscriberReplays
from api_socket.service import Service
from bars.past.replay import MOST_PAIRS
from bars.past.request import PastBars
from streaming.limits import Replays
from streaming.protocol import json_frame
from tests.api_socket.listening import Listener, settled
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

MOST_OF_ALL, MOST_TOPICS = 8, 6
#: One that never ends, and one of nothing.
ENDLESS, ENDED = PastBars(0, 10**15, 0.001), PastBars(1000, 2000, 0)


class Client:
    """A client's session: its commands are carried out as those of a socket."""

    def __init__(self, hub: SubscriberHub, host: int) -> None:
        self.listener = Listener()
        prices = Prices(hub)
        service = SimpleNamespace(hub=hub, prices=prices, greet=lambda *_: None)
        service.unsubscribe = lambda *topic: Service.unsubscribe(service, *topic)  # type: ignore[arg-type]
        self.replays = SubscriberReplays(self.listener, hub, prices, ip_address(f"10.0.0.{host}"))
        self._session: Any = SimpleNamespace(subscriber=self.listener, service=service, replays=self.replays)

    async def say(self, command: Any) -> type[SubscribeError] | None:
        """Returns what the command is refused with."""
        try:
            await consumers._answer(self._session, command)
        except SubscribeError as refused:
            return type(refused)
        return None

    async def replay(self, symbol: str | None, past: PastBars | None) -> type[SubscribeError] | None:
        return await self.say(Subscribe(Topic("market_data", symbol), past))

    async def heard(self, type: str, symbol: str, count: int = 1) -> None:
        """Returns once it heard so many messages of a type about a symbol."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            messages = self.listener.messages
            while [(one["type"], one.get("symbol")) for one in messages].count((type, symbol)) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Replays:
    async def known(symbol: str | None) -> None:
        pass

    places = Replays(MOST_OF_ALL)
    monkeypatch.setattr(replays_module, "replays", lambda: places)
    monkeypatch.setattr(consumers, "_check_symbol", known)
    return places


def with_clients(check: Callable[[SubscriberHub, Client, Client], Awaitable[None]]) -> None:
    async def run() -> None:
        hub = SubscriberHub(10, MOST_TOPICS)
        clients = [Client(hub, host) for host in (1, 2)]
        try:
            await check(hub, *clients)
        finally:
            for client in clients:
                client.replays.close()
                client.listener.pumping.cancel()

    asyncio.run(run())


def test_a_refused_replay_leaves_a_live_subscription_alone(places: Replays) -> None:
    async def check(hub: SubscriberHub, client: Client, _: Client) -> None:
        assert await client.replay("LIVE", None) is None
        for symbol in "ABCD":
            assert await client.replay(symbol, ENDLESS) is None
        assert await client.replay("LIVE", ENDLESS) is TooManyReplays
        assert hub.audience("market_data", "LIVE") == {client.listener}
        hub.tell("market_data", "LIVE", json_frame({"type": "market_data", "symbol": "LIVE"}))
        await client.heard("market_data", "LIVE")

    with_clients(check)


def test_a_refused_replay_leaves_a_replay_alone_and_one_in_its_place_needs_no_other(
    places: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    markets = [SimpleNamespace(symbol="A")]
    monkeypatch.setattr(replays_module, "relays", SimpleNamespace(all=lambda: markets))

    async def check(hub: SubscriberHub, client: Client, other: Client) -> None:
        for symbol in (None, "A", "B", "C"):
            assert await client.replay(symbol, ENDLESS) is None
        markets.extend(SimpleNamespace(symbol=str(number)) for number in range(MOST_PAIRS))
        assert await client.replay(None, ENDLESS) is InvalidFormat
        assert await client.say(Control("pause", Topic("market_data", None))) is None
        assert await client.replay("A", ENDLESS) is None
        assert places.open == 4
        assert await client.say(Control("pause", Topic("market_data", "A"))) is None
        assert hub.audience("market_data", "A") == set()

    with_clients(check)


def test_one_subscription_too_many_takes_no_place(places: Replays) -> None:
    async def check(hub: SubscriberHub, client: Client, other: Client) -> None:
        for symbol in "ABCDEF":
            assert await client.replay(symbol, None) is None
        assert await client.replay("G", ENDLESS) is TooManySubscriptions
        assert places.open == 0
        await settled()
        assert "G" not in [one.get("symbol") for one in client.listener.messages]

    with_clients(check)


def test_replays_that_have_ended_take_no_place_until_they_are_moved(places: Replays) -> None:
    async def check(hub: SubscriberHub, client: Client, other: Client) -> None:
        for symbol in "ABCDE":
            assert await client.replay(symbol, ENDED) is None
            await client.heard("replay_end", symbol)
        assert places.open == 0
        again = Control("seek", Topic("market_data", "A"), time_ms=1000)
        assert await client.say(again) is None
        assert places.open == 1
        await client.heard("replay_end", "A", count=2)
        assert places.open == 0
        assert await client.say(Control("seek", Topic("market_data", "A"), time_ms=3000)) is InvalidFormat
        assert places.open == 0
        for symbol in "BCDE":
            assert await client.replay(symbol, ENDLESS) is None
        for command in (again, Subscribe(Topic("market_data", "A"), ENDED)):
            assert await client.say(command) is TooManyReplays
        assert await client.say(Control("pause", Topic("market_data", "A"))) is None
        assert places.open == 4
        client.replays.close()
        assert places.open == 0

    with_clients(check)
