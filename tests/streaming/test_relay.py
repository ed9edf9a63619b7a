"""The relay: every moment once and in order to all clients, heartbeats to the quiet ones, holes told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streaming.fanout.outbox import Bundle
from streaming.options import Options
from streaming.protocol import Moment, messages_in
from streaming.relay.relay import Relay
from tests.processes import PATIENCE_SECONDS
from tests.streaming.running import status
from tests.streaming.tape import Tape, ticks


class Taker:
    resumed, store_id, position = False, None, -1

    def __init__(self, *, quiet: bool = False) -> None:
        self.wire, self.quiet = b"", quiet
        self.ended = False

    def offer(self, bundle: Bundle) -> bool:
        self.wire += bundle.wire
        return True

    def tell(self, wire: bytes) -> None:
        self.wire += wire

    def is_quiet(self) -> bool:
        return self.quiet

    def has_room(self) -> bool:
        return True

    def end(self) -> None:
        self.ended = True

    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload, _ in messages_in(self.wire)]

    @property
    def ticks(self) -> list[int]:
        return [message["t"] for message in self.heard() if message["type"] == "tick"]


def moment(t: int) -> Moment:
    return Moment(t, b'{"type":"tick","t":%d}' % t)


def group_message(t: int | None, **status: Any) -> dict[str, Any]:
    tick = None if t is None else moment(t).tick
    return {"type": "moment", "t": t, "tick": tick, "metric": None, "frame": None, "status": status}


def with_relay(test: Callable[[Relay], Awaitable[None]], *, filled: bool = True) -> None:
    """Run a test with a relay of an empty recording."""

    async def run() -> None:
        relay = Relay(Tape(), 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        if filled:
            relay.filling.end()
        await test(relay)

    asyncio.run(run())


def join(relay: Relay, options: Options | None = None, **taker: Any) -> Taker:
    client = Taker(**taker)
    feed = relay.feeds.of(options or Options())
    feed.users.add(client)
    relay.subscribe(client, feed)
    return client


def test_every_client_gets_every_moment_once() -> None:
    async def test(relay: Relay) -> None:
        one, other = join(relay), join(relay, Options(types=frozenset(["tick"])))
        for t in (0, 1, 1, 0, 2):
            relay.pass_on(moment(t))
        assert one.ticks == other.ticks == [0, 1, 2]
        assert relay.ring.last_t == 2

    with_relay(test)


def test_health_tells_that_a_market_makes_again_what_clients_have(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("streaming.relay.relay.time", SimpleNamespace(monotonic=lambda: now))

    async def test(relay: Relay) -> None:
        nonlocal now

        async def health_after(seconds: float, t: int) -> str:
            nonlocal now
            now += seconds
            relay.take(group_message(t, **status(segment=None)))
            well, body = await relay.health()
            assert well == ("detail" not in body)
            return str(body.get("detail", ""))

        assert [await health_after(20, t) for t in range(10)] == [""] * 10, "rare, and new"
        assert [await health_after(seconds, t) for seconds, t in ((1, 3), (9, 4))] == ["", ""], "as after a crash"
        assert (await health_after(2, 5)).startswith("it makes t=5 again, while t=9 was streamed")
        assert await health_after(5, 10) == ""
        assert await health_after(1, 10) == "", "counted anew"

    with_relay(test)


def test_clients_come_again_where_a_run_of_other_prices_begins() -> None:
    """They are told the prices as they connect."""
    ranges = [[0, 40.0, 60.0], [2, 41.0, 61.0]]

    async def test(relay: Relay) -> None:
        early = join(relay)
        relay.take(group_message(0, **status(price_ranges=ranges[:1])))
        relay.take(group_message(1, **status(price_ranges=[tuple(ranges[0])])))
        assert not early.ended, "what was unknown is asked for"
        relay.take(group_message(2, **status(price_ranges=ranges)))
        assert (early.ended, early.ticks) == (True, [0, 1])
        late = join(relay)
        relay.take(group_message(3, **status(price_ranges=ranges)))
        assert (late.ended, late.ticks) == (False, [3])

    with_relay(test)


def test_the_newest_price_range_alone_adds_to_those_that_are_known() -> None:
    """Of many ranges most messages have the newest one only; /health tells all of them after each."""
    known, newest = [[0, 40.0, 60.0], [5, 41.0, 61.0]], [9, 42.0, 62.0]
    lean = {name: value for name, value in status(newest_prices=newest).items() if name != "price_ranges"}

    async def test(relay: Relay) -> None:
        relay.take(group_message(3, **lean))
        assert relay.prices == [], "one of an unknown number is not all"
        relay.take(group_message(4, **status(price_ranges=known)))
        relay.take(group_message(5, **{**lean, "newest_prices": known[-1]}))
        assert relay.prices == known
        for t in (9, 10):
            relay.take(group_message(t, **lean))
            assert [list(one) for one in relay.prices] == [*known, newest]
            _, body = await relay.health()
            assert body["meta"]["price_range"] == newest[1:]
            assert [list(one) for one in body["meta"]["price_ranges"]] == [*known, newest]

    with_relay(test)


def test_who_leaves_gets_no_more_and_an_empty_feed_goes() -> None:
    async def test(relay: Relay) -> None:
        client = join(relay)
        relay.pass_on(moment(0))
        relay.leave(client, relay.feeds[Options()])
        relay.pass_on(moment(1))
        assert client.ticks == [0]
        assert relay.feeds == {}

    with_relay(test)


def test_what_comes_while_the_ring_is_filled_waits_and_follows() -> None:
    async def test(relay: Relay) -> None:
        client = join(relay)
        relay.pass_on(moment(1))
        relay.pass_on(moment(2))
        assert client.ticks == []
        relay.filling.end()
        relay.pass_on(moment(3))
        assert client.ticks == [1, 2, 3]
        assert relay.filling.filled.is_set()

    with_relay(test, filled=False)


@pytest.mark.usefixtures("hasty")
def test_a_hole_that_nobody_can_fill_is_told_before_what_comes_after_it() -> None:
    async def test(relay: Relay) -> None:
        client = join(relay)
        relay.ring.append(moment(0))
        relay.pass_on(moment(1))
        relay.pass_on(moment(5))
        relay.pass_on(moment(6))
        assert client.ticks == [1], "what follows a hole waits"
        while relay.ring.last_t != 6:
            await asyncio.sleep(0.001)
        relay.pass_on(moment(7))
        heard = client.heard()
        assert [(m["from_t"], m["to_t"], m["reason"]) for m in heard if m["type"] == "gap"] == [(2, 4, "lost")] * 3
        assert {m["kind"] for m in heard if m["type"] == "gap"} == {"frame", "metric", "tick"}
        assert [m["type"] for m in heard] == ["tick", "gap", "gap", "gap", "tick", "tick", "tick"]
        assert client.ticks == [1, 5, 6, 7]

    with_relay(test)


def test_a_quiet_client_gets_a_heartbeat_with_the_newest_t() -> None:
    async def test(relay: Relay) -> None:
        quiet, busy = join(relay, quiet=True), join(relay)
        relay.beat()
        relay.ring.append(moment(3))
        relay.pass_on(moment(4))
        relay.beat()
        assert [m for m in quiet.heard() if m["type"] == "heartbeat"] == [
            {"type": "heartbeat", "t": -1},
            {"type": "heartbeat", "t": 4},
        ]
        assert [m["type"] for m in busy.heard()] == ["tick"]

    with_relay(test)


def test_the_pipelines_word_is_kept_with_and_without_a_moment() -> None:
    async def test(relay: Relay) -> None:
        client = join(relay)
        assert (relay.status, relay.heard_at) == (None, None)
        relay.take(group_message(0, running=True))
        assert relay.status == {"running": True}
        relay.take(group_message(None, running=False))
        assert relay.status == {"running": False}
        assert relay.heard_at is not None
        assert client.ticks == [0]

    with_relay(test)


@pytest.mark.usefixtures("hasty")
def test_who_comes_while_a_first_tick_waits_for_what_lies_before_it_waits_too() -> None:
    async def test(relay: Relay) -> None:
        relay.pass_on(moment(5))
        assert not relay.filling.filled.is_set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await relay.ready()
        assert relay.ring.last_t == 5
        relay.filling.stop()
        relay.filling.begin()  # of a recording that is over
        assert relay.filling.filled.is_set()

    with_relay(test)


class Unreadable(Tape):
    fails = True

    def last_t(self, kind: str = "ticks") -> int | None:
        if self.fails:
            raise OSError("the store is away")
        return super().last_t(kind)


@pytest.mark.usefixtures("hasty")
def test_who_joined_while_the_recording_could_not_be_read_is_not_read_all_of_it() -> None:
    async def test() -> None:
        tape = Unreadable(*ticks(*range(5000)))
        relay = Relay(tape, 100, 1 << 20, 0.0)  # type: ignore[arg-type]
        await relay.filling.fill(at_rest=True)
        client = join(relay)
        tape.fails = False
        relay.pass_on(moment(5000))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await relay.ready()
        assert client.ticks == list(range(4900, 5001))

    asyncio.run(test())
