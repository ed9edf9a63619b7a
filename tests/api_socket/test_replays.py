"""Prices of the past for a subscriber, by a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api_socket.client import Client
from tests.processes import Live, wait_until

SYMBOL = "IG-USD"
SUBSCRIBE: Any = {"type": "subscribe", "channel": "market_data", "symbol": SYMBOL}


@pytest.fixture(scope="module")
def seconds(market: Live) -> list[dict[str, Any]]:
    """The first ten seconds of the market, as bars."""
    path = f"/api/v1/bars?symbol={SYMBOL}&resolution=1s&from=0&limit=10"
    return list(wait_until(lambda: len(found := market.json(path)["bars"]) == 10 and found, "ten seconds"))


@pytest.fixture
def client(market: Live, token: str) -> Iterator[Client]:
    with Client(market, token) as client:
        yield client


def replay(seconds: list[dict[str, Any]], first: int, last: int | None, speed: float = 0) -> dict[str, Any]:
    """A subscription to the past, from the opening of a second to the close of another."""
    to = None if last is None else seconds[last]["close_time"]
    return {**SUBSCRIBE, "params": {"replay": {"from": seconds[first]["open_time"], "to": to, "speed": speed}}}


def day(seconds: list[dict[str, Any]], last: int) -> dict[str, Any]:
    """The figures of the day behind a second, by their definition."""
    until = seconds[: last + 1]
    return {
        "timestamp": until[-1]["close_time"] / 1000,
        "price": until[-1]["close"],
        "open": until[0]["open"],
        "high": max(bar["high"] for bar in until),
        "low": min(bar["low"] for bar in until),
        "volume": sum(bar["volume"] for bar in until),
    }


def test_prices_are_those_of_the_day_so_far_and_the_end_is_told(client: Client, seconds: list[dict[str, Any]]) -> None:
    client.say(replay(seconds, 4, 8))
    *heard, end = client.hear_until("replay_end")
    assert heard[0] == {"type": "subscribed", "channel": "market_data", "symbol": SYMBOL, "data": {}}
    assert heard[-1] == {"type": "market_data", "symbol": SYMBOL, "data": pytest.approx(day(seconds, 8))}
    at = {"timestamp": seconds[8]["close_time"] / 1000}
    assert end == {"type": "replay_end", "channel": "market_data", "symbol": SYMBOL, "data": at}
    client.say({**SUBSCRIBE, "type": "seek", "time": seconds[2]["close_time"]})
    heard = client.hear_until("replay_end")
    assert [message["type"] for message in heard if message["type"] != "market_data"] == ["replay", "replay_end"]
    assert heard[-2]["data"] == pytest.approx(day(seconds, 8))


def test_it_is_paused_and_goes_on(client: Client, seconds: list[dict[str, Any]]) -> None:
    client.say(replay(seconds, 0, 9, speed=0.001))
    client.say({**SUBSCRIBE, "type": "pause"})
    paused = client.hear_until("replay")[-1]["data"]
    assert (paused["speed"], paused["paused"]) == (0.001, True)
    wrong = [
        ({"type": "seek"}, "seek 无效: time must be milliseconds"),
        ({"type": "seek", "time": seconds[9]["close_time"] + 1}, "seek 无效: this replay ends at"),
        ({"type": "play", "speed": -1}, "play 无效: speed must be"),
    ]
    for message, detail in wrong:
        error = client.asked({**SUBSCRIBE, **message})
        assert (error["error"], error["detail"][: len(detail)]) == ("invalid_message_format", detail)
    client.say({**SUBSCRIBE, "type": "play", "speed": 0})
    *_, last, _ = client.hear_until("replay_end")
    assert last["data"] == pytest.approx(day(seconds, 9))
    client.say({**SUBSCRIBE, "type": "unsubscribe"})
    client.hear_until("unsubscribed")
    assert client.asked({**SUBSCRIBE, "type": "pause"})["error"] == "no_replay"


def test_without_an_end_it_comes_to_the_present(client: Client, seconds: list[dict[str, Any]]) -> None:
    client.say(replay(seconds, 5, None))
    heard = client.hear_until("caught_up")
    prices = heard[1:-1] + [client.first("market_data") for _ in range(5)]
    times = [message["data"]["timestamp"] for message in prices]
    assert times == sorted(times)
    assert times[-1] > heard[-1]["data"]["timestamp"] >= seconds[9]["close_time"] / 1000


def test_a_subscription_to_the_present_takes_its_place(client: Client, seconds: list[dict[str, Any]]) -> None:
    client.say(replay(seconds, 0, 9, speed=0.001))
    client.subscribe("market_data", symbol=SYMBOL)
    assert client.first("market_data")["data"]["timestamp"] > seconds[9]["close_time"] / 1000
    assert client.asked({**SUBSCRIBE, "type": "pause"})["error"] == "no_replay"


def test_what_cannot_be_replayed_is_refused(client: Client, seconds: list[dict[str, Any]]) -> None:
    wrong = [
        ({"params": {"replay": 5}}, "params.replay 无效: replay must be an object"),
        ({"params": {"replay": {"from": 9, "to": 8}}}, "params.replay 无效: replay must not end before it begins"),
        ({"params": {"replay": {"from": 9}}, "channel": "alerts"}, "字段 params.replay 只适用于频道 market_data"),
    ]
    for fields, detail in wrong:
        error = client.asked({**SUBSCRIBE, **fields})
        assert (error["error"], error["detail"][: len(detail)]) == ("invalid_message_format", detail)
    for symbol in (None, SYMBOL):
        client.say({**replay(seconds, 0, 9, speed=0.001), "symbol": symbol})
        client.hear_until("subscribed")
    assert client.asked({**SUBSCRIBE, "symbol": "NOPE"})["error"] == "unknown_symbol"
