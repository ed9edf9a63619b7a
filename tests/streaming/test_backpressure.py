"""What an outage left behind: as fast as clients take it that keep up, and no slower for those that do not."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from streaming.fanout.backpressure import Backpressure
from streaming.fanout.encoding import Encoder
from streaming.fanout.stream_client import StreamClient, socket_outlet
from streaming.options import Options
from streaming.protocol import Moment, messages_in
from streaming.relay.relay import Relay
from tests.processes import PATIENCE_SECONDS
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
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not keeps_up.heard or keeps_up.heard[-1].get("t") != 301:
                await asyncio.sleep(0.005)
        ticks = [message["t"] for message in keeps_up.heard if message["type"] == "tick"]
        assert ticks == [0, *range(2, 302)]
        assert {message["reason"] for message in keeps_up.heard if message["type"] == "gap"} == {"lost"}
        assert keeps_up.client.counts.dropped == 0
        assert stalled.client.counts.dropped > 200
        for reader in (keeps_up, stalled):
            reader.pump.cancel()

    asyncio.run(run())


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
