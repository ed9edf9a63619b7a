"""What an outage left behind: as fast as clients take it that keep up, and no slower for those that do not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import orjson
import pytest

from streaming.fanout.backpressure import Backpressure
from streaming.fanout.encoding import Encoder
from streaming.fanout.stream_client import StreamClient, socket_outlet
from streaming.options import Options
from streaming.protocol import Moment, messages_in
from streaming.relay.relay import Relay
from streaming.relay.rush import Rush
from tests.processes import PATIENCE_SECONDS
from tests.streaming.conftest import STANDSTILL
from tests.streaming.tape import Tape

OUTBOX_BYTES = 1 << 20


class Reader:
    """A client's socket: it takes what comes, or nothing at all."""

    def __init__(self, *, takes: bool) -> None:
        self.heard: list[dict[str, object]] = []
        self._takes = takes
        self.client = StreamClient(socket_outlet(self.send, {}), OUTBOX_BYTES, Encoder(Options()).slow_gap)
        self.pump = asyncio.create_task(self.client.pump())

    async def send(self, message: dict[str, bytes]) -> None:
        if not self._takes:
            await asyncio.Event().wait()
        self.heard += [orjson.loads(payload) for payload, _ in messages_in(message["market_camera.frames"])]
        await asyncio.sleep(0)


@pytest.mark.usefixtures("hasty")
def test_a_hole_of_many_outboxes_costs_who_keeps_up_nothing() -> None:
    large = b"x" * 20_000

    async def run() -> None:
        relay = Relay(Tape(), 1000, 1 << 30, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        keeps_up, stalled = Reader(takes=True), Reader(takes=False)
        for reader in (keeps_up, stalled):
            relay.subscribe(reader.client, relay.feeds.of(Options()))
        relay.pass_on(Moment(0, b'{"type":"tick","t":0}'))
        for t in range(2, 302):  # 6 MB that wait behind a hole at t=1
            relay.pass_on(Moment(t, b'{"type":"tick","t":%d,"pad":"%s"}' % (t, large)))
        await until(lambda: bool(keeps_up.heard) and keeps_up.heard[-1].get("t") == 301)
        ticks = [message["t"] for message in keeps_up.heard if message["type"] == "tick"]
        assert ticks == [0, *range(2, 302)]
        assert {message["reason"] for message in keeps_up.heard if message["type"] == "gap"} == {"lost"}
        assert keeps_up.client.counts.dropped == 0
        assert stalled.client.counts.dropped > 200
        for reader in (keeps_up, stalled):
            reader.pump.cancel()

    asyncio.run(run())


def test_what_comes_at_once_behind_a_standstill_costs_who_keeps_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STANDSTILL, 3.0)
    monkeypatch.setattr("streaming.relay.rush._RUSH_SECONDS", PATIENCE_SECONDS)
    large = b"x" * 20_000

    async def run() -> None:
        relay = Relay(Tape(), 1000, 1 << 30, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        keeps_up, stalled = Reader(takes=True), Reader(takes=False)
        for reader in (keeps_up, stalled):
            relay.subscribe(reader.client, relay.feeds.of(Options()))
        relay.filling.beat(time.monotonic() - 30)
        for t in range(300):  # 6 MB, in two parts
            relay.pass_on(Moment(t, b'{"type":"tick","t":%d,"pad":"%s"}' % (t, large)))
            if t == 150:
                relay.filling.beat(time.monotonic())
                await until(lambda: relay.ring.last_t == 150 and relay.filling.at_rest)
        await until(lambda: bool(keeps_up.heard) and keeps_up.heard[-1].get("t") == 299)
        assert [message.get("t") for message in keeps_up.heard] == [*range(300)]
        assert (keeps_up.client.counts.dropped, relay.holes) == (0, 0)
        assert stalled.client.counts.dropped > 200
        for reader in (keeps_up, stalled):
            reader.pump.cancel()

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


def test_a_late_look_tells_of_a_standstill_and_the_rush_behind_it_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STANDSTILL, 3.0)
    rush = Rush()
    first = rush.backpressure
    assert not rush.is_on(500.0), "nobody has looked yet"
    for now in (500.0, 501.0, 502.5):
        rush.look(now)
        assert not rush.is_on(now + 1)
    assert rush.is_on(540.0), "before the next look"
    of_the_rush = rush.backpressure
    rush.look(540.5)
    for now in range(541, 560):
        assert rush.is_on(now) == (now <= 550)
        assert rush.backpressure is of_the_rush is not first
        rush.look(now)
    rush.look(600.0)
    assert rush.is_on(600.0)
    assert rush.backpressure is not of_the_rush


def test_nobody_waits_for_a_slow_client_twice() -> None:
    class Full:
        looked = 0

        def has_room(self) -> bool:
            self.looked += 1
            return False

    async def run() -> None:
        backpressure, full = Backpressure(), Full()
        await backpressure.wait([full])  # type: ignore[list-item]
        looked = full.looked
        assert looked > 10
        await backpressure.wait([full])  # type: ignore[list-item]
        assert full.looked == looked + 1

    asyncio.run(run())
