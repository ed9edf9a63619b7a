"""A feed in the past: what it asks for, where it goes on, and what a program sees of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from marketcamera import Bar, BarCache, BarFeed
from marketcamera.backoff import Backoff
from marketcamera.bars import prices
from marketcamera.bars.live_bars import LiveBars
from marketcamera.bars.replay_time import MOST_WORK_SECONDS, ReplayTime
from marketcamera.environment import VARIABLES
from marketcamera.feed.span import Span, span_of
from tests.client.made import serving
from tests.processes import PATIENCE_SECONDS, wait_until

MINUTE = 60_000
PAIR = ("A", "1m")


def bar(n: int) -> Bar:
    """The bar of the nth minute."""
    return Bar("A", "1m", n * MINUTE, (n + 1) * MINUTE, 1.0, 1.0, 1.0, float(n), 2.0)


class Server:
    """A recording of ten minutes. Each replay gets its bars up to `until`, and then `told`."""

    def __init__(self) -> None:
        self.connects: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.until, self.told = 10, [{"type": "REPLAY_END", "time": 10 * MINUTE}]

    def __call__(self, connection: ServerConnection) -> None:
        for text in connection:
            connect = json.loads(text)
            self.connects.append(connect)
            self.connections.append(connection)
            asked = connect.get("replay")
            begin = self.until if asked is None else asked["from"] // MINUTE
            self.say({"type": "CONNECTED"}, *(self.message(n) for n in range(self.until) if n < begin))
            if asked is not None:
                self.say(*(self.message(n) for n in range(begin, self.until)), *self.told)

    def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.connections[-1].send(json.dumps(message))

    @staticmethod
    def message(n: int) -> dict[str, Any]:
        values = {
            name: str(value) for name, value in bar(n).items() if name in ("open", "high", "low", "close", "volume")
        }
        times = {"open_time": n * MINUTE, "close_time": (n + 1) * MINUTE}
        return {"type": "BAR", "symbol": "A", "timeframe": "1m", **times, **values}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def feed(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[BarFeed]:
    """Started by the environment alone, at the fifth minute; the feed of `get_price`. It waits for slow programs."""
    monkeypatch.setattr("marketcamera.bars.replay_time.MOST_WORK_SECONDS", PATIENCE_SECONDS)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with serving(server) as url:
        monkeypatch.setenv("WEBSOCKET_ENDPOINT", url.replace("/ws/stream", "/market_data"))
        monkeypatch.setenv("WEBSOCKET_SYMBOLS", "A")
        monkeypatch.setenv("MARKETCAMERA_REPLAY", "1970-01-01T00:05:00Z..1970-01-01T00:10:00Z@60")
        cache = BarCache()
        feed = BarFeed(cache, Backoff(0.01, 0.05))
        monkeypatch.setattr(prices, "_cache", cache)
        monkeypatch.setattr(prices, "_feed", feed)
        monkeypatch.setattr(prices, "_live", LiveBars(cache, lambda: feed.connected, prices._history))
        yield feed
        feed.stop()


def handled(count: int, after: int = -1) -> list[int]:
    """A strategy's loop: the minutes of the bars that it is given, at each of which it sees these, and no later one."""
    minutes = []
    for _ in range(count):
        given = prices._cache.wait_for_bar(*PAIR, after=after, timeout_seconds=180)
        assert given is not None
        after = given.close_time
        minutes.append(given.open_time // MINUTE)
        table = prices.get_price("A", 3, frequency="1m", end_date="2030-01-01")
        assert (list(table["close"])[-1], table.attrs["staleness"]) == (minutes[-1], 0.0)
    return minutes


def test_a_program_is_given_one_bar_after_the_other_and_then_the_end(feed: BarFeed, server: Server) -> None:
    feed.start()
    wait_until(lambda: prices._cache.get_last_update_time(*PAIR) == 5 * MINUTE, "the history")
    assert list(prices.get_price("A", 2, "1970-01-01T00:03:00Z", "1m")["close"]) == [1, 2]
    assert prices._cache.get_last_update_time(*PAIR) == 5 * MINUTE, "the first bar waits until it is asked for"
    assert handled(5) == [5, 6, 7, 8, 9]
    assert server.connects[0]["replay"] == {"from": 5 * MINUTE, "to": 10 * MINUTE, "speed": 60}
    assert prices._cache.wait_for_bar(*PAIR, after=10 * MINUTE) is None, "at once: nothing will come"
    assert feed.get_status()["replay"] == {"time": 10 * MINUTE, "over": True}


def test_a_new_connection_goes_on_where_the_clock_was(feed: BarFeed, server: Server) -> None:
    server.until, server.told = 7, []
    feed.start()
    assert handled(2) == [5, 6]
    server.until, server.told = 10, [{"type": "CAUGHT_UP", "time": 10 * MINUTE}]
    server.connections[-1].socket.close()
    assert handled(3, after=7 * MINUTE) == [7, 8, 9]
    assert [connect["replay"]["from"] // MINUTE for connect in server.connects] == [5, 7]
    prices._cache.wait_for_bar(*PAIR, after=10 * MINUTE, timeout_seconds=0)
    wait_until(lambda: feed.present_ms is None, "the present")
    server.say(server.message(10))
    assert prices._cache.wait_for_bar(*PAIR, after=10 * MINUTE, timeout_seconds=180) == bar(10)
    server.connections[-1].socket.close()
    wait_until(lambda: len(server.connects) == 3, "another connection")
    assert "replay" not in server.connects[-1], "which is live as well"


def test_what_is_missing_is_logged_and_another_recording_begins_anew(
    feed: BarFeed, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "marketcamera")
    gap = {"type": "GAP", "symbol": "A", "time": 1}
    server.told = [{**gap, "reason": "lost", "from_t": 7, "to_t": 9}, {**gap, "reason": "store_changed", "store": "f0"}]
    feed.start()
    assert handled(5)[-1] == 9
    prices._cache.wait_for_bar(*PAIR, after=10 * MINUTE, timeout_seconds=0)
    wait_until(lambda: "A has another recording now, f0" in caplog.text, "the last message")
    assert "ticks 7 to 9 of A are lost: no bar has them" in caplog.text
    assert prices._cache.get_bars(*PAIR) == []


def test_the_address_may_name_the_span_and_the_present_is_another_time(feed: BarFeed, server: Server) -> None:
    endpoint = feed.subscription.endpoint
    feed.configure(endpoint=f"{endpoint}?replay=1970-01-01T00:08:00Z..&speed=0", replay="")
    feed.start()
    assert handled(1) == [8]
    assert server.connects[-1]["replay"] == {"from": 8 * MINUTE, "to": None, "speed": 0}
    feed.configure(endpoint=endpoint)
    wait_until(lambda: prices._cache.get_cache_size() == 10, "the live feed's history")
    assert (feed.present_ms, "replay" in server.connects[-1]) == (None, False)


def test_time_moves_with_the_bars_and_by_itself_while_nobody_is_at_work() -> None:
    clock = [100.0]
    time = ReplayTime(5 * MINUTE, 60.0, MINUTE, lambda: clock[0])
    assert not time.moves_to(bar(4))
    assert time.work_seconds() == MOST_WORK_SECONDS, "a program prepares itself"
    time.is_asked(PAIR)
    clock[0] += 9
    assert (time.now_ms, time.work_seconds()) == (5 * MINUTE, 0), "before its first bar it stands"
    assert time.moves_to(bar(5))
    clock[0] += 0.5
    assert time.now_ms == 6 * MINUTE + 30_000
    clock[0] += 9
    assert time.now_ms == 7 * MINUTE, "no further than the next bar"
    time.gives(PAIR, thread=1)
    assert (time.now_ms, time.work_seconds()) == (6 * MINUTE, MOST_WORK_SECONDS)
    time.reads(1)
    clock[0] += 2 * MOST_WORK_SECONDS
    assert time.work_seconds() == MOST_WORK_SECONDS, "who reads is waited for"
    time.reads(-1)
    clock[0] += MOST_WORK_SECONDS + 1
    assert time.work_seconds() == -1
    time.is_asked(("A", "5m"))
    assert time.work_seconds() == -1, "another program"
    time.is_asked(PAIR)
    assert time.work_seconds() == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02..1970-01-03T00:00:00.5Z@60", Span(86_400_000, 172_800_500, 60.0)),
        (" 1795860000000 .. @0", Span(1795860000000, None, 0.0)),
        ("1970-01-02T08:00:00+08:00..", Span(86_400_000, None, 1.0)),
        ("1970-01-02", "there is no .."),
        ("1970-01-02..1970-01-01", "it ends before it begins"),
        ("soon..", "a moment is an ISO 8601 text"),
        ("..1970-01-01", "a moment is an ISO 8601 text"),
        ("1970-01-01..@fast", "could not convert string to float"),
        ("1970-01-01..@nan", "the speed is not a number of at least 0"),
        ("1970-01-01..@-1", "the speed is not a number of at least 0"),
    ],
)
def test_a_span_is_one_text(text: str, expected: Span | str) -> None:
    if isinstance(expected, Span):
        assert span_of(text) == expected
        return
    with pytest.raises(ValueError, match=r"a replay is T0\.\.T1@SPEED") as wrong:
        span_of(text)
    assert expected in str(wrong.value)
