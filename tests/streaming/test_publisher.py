"""The hand-off from the pipeline's thread to the loop: in order, bounded, and never in the pipeline's way."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from runtime.supervision import supervisor
from streaming.group.in_process import InProcessLayer
from streaming.group.membership import group_name
from streaming.group.publisher import Publisher
from streaming.options import Options
from streaming.relay.relay import Relay
from tests.processes import PATIENCE_SECONDS
from tests.streaming.tape import Socket, Tape, moment, ticks


class Layer:
    """A channel layer that keeps what is sent; while `gate` is closed a send waits, as at a slow broker."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the broker is away")
        self.sent.append((group, message))

    @property
    def ts(self) -> list[int]:
        return [message["t"] for _, message in self.sent]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs on a thread of its own, as the server's does beside the pipeline."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def message(t: int) -> dict[str, Any]:
    return {"type": "moment", "t": t}


def close(layer: Layer, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(layer.gate.clear)


def open_(layer: Layer, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(layer.gate.set)


def test_everything_arrives_in_order_in_the_markets_group(loop: asyncio.AbstractEventLoop) -> None:
    layer = Layer()
    publisher = Publisher("IG-USD", layer, loop)
    for t in range(1000):
        publisher.publish(message(t))
    assert publisher.drain(PATIENCE_SECONDS)
    assert layer.ts == list(range(1000))
    assert {group for group, _ in layer.sent} == {group_name("IG-USD")}
    assert (publisher.dropped, publisher.failed, publisher.unpublished) == (0, 0, None)


def test_a_full_queue_loses_its_oldest_and_counts_them(loop: asyncio.AbstractEventLoop) -> None:
    layer = Layer()
    close(layer, loop)
    publisher = Publisher("IG-USD", layer, loop, most=10)
    for t in range(100):
        publisher.publish(message(t))
    open_(layer, loop)
    assert publisher.drain(PATIENCE_SECONDS)
    assert layer.ts[-10:] == list(range(90, 100))
    assert len(layer.ts) + publisher.dropped == 100
    assert layer.ts == sorted(layer.ts)
    lost = sorted(set(range(100)) - set(layer.ts))
    newest = next(t for t in reversed(lost) if t - 1 not in lost)  # the loop may have sent one between the first ones
    assert publisher.unpublished == {"messages": len(lost), "from_t": newest, "to_t": lost[-1]}


def test_what_does_not_go_out_is_told_to_clients_as_a_gap_with_its_range(
    loop: asyncio.AbstractEventLoop, hasty: None
) -> None:
    """Where the recording does not have it either; else it is filled in from there."""
    layer = Layer()
    publisher = Publisher("IG-USD", layer, loop, most=10)
    publisher.publish(message(0))
    assert publisher.drain(PATIENCE_SECONDS)
    close(layer, loop)
    for t in range(1, 50):
        publisher.publish(message(t))
    open_(layer, loop)
    assert publisher.drain(PATIENCE_SECONDS)
    told = publisher.unpublished
    assert told is not None

    async def heard(tape: Tape) -> list[Any]:
        relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        feed = relay.feeds.of(Options(types=frozenset(["tick"])))
        socket = Socket(feed)
        relay.subscribe(socket.client, feed)
        for t in layer.ts:
            relay.pass_on(moment(t))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while relay.ring.last_t != 49:
                await asyncio.sleep(0)
        return await socket.settled()

    expected: list[Any] = []
    for before, t in pairwise([*layer.ts, 50]):
        expected += [before, *([f"gap tick {before + 1}-{t - 1} lost"] if t > before + 1 else [])]
    assert asyncio.run(heard(Tape())) == expected
    assert f"gap tick {told['from_t']}-{told['to_t']} lost" in expected
    assert asyncio.run(heard(Tape(*ticks(*range(50))))) == list(range(50))


def test_a_flat_out_producer_waits_while_the_loop_is_behind(loop: asyncio.AbstractEventLoop) -> None:
    layer = Layer()
    close(layer, loop)
    publisher = Publisher("IG-USD", layer, loop, most=10)
    publisher.wait_for_room(PATIENCE_SECONDS)  # nothing waits: returns at once
    for t in range(8):
        publisher.publish(message(t))
    publisher.wait_for_room(0.05)  # held back for so long, and no longer
    held = threading.Thread(target=publisher.wait_for_room, args=(PATIENCE_SECONDS,))
    held.start()
    open_(layer, loop)
    held.join(PATIENCE_SECONDS)
    assert not held.is_alive()
    assert publisher.drain(PATIENCE_SECONDS)
    assert (layer.ts, publisher.dropped) == (list(range(8)), 0)


def test_who_waits_for_the_end_is_told_when_it_does_not_come(loop: asyncio.AbstractEventLoop) -> None:
    layer = Layer()
    close(layer, loop)
    publisher = Publisher("IG-USD", layer, loop)
    publisher.publish(message(0))
    assert publisher.drain(0.05) is False
    open_(layer, loop)
    assert publisher.drain(PATIENCE_SECONDS)


def test_a_broker_that_is_away_stops_nothing(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    layer = Layer()
    layer.fails = 20
    publisher = Publisher("IG-USD", layer, loop)
    with caplog.at_level(logging.WARNING):
        for t in range(30):
            publisher.publish(message(t))
        assert publisher.drain(PATIENCE_SECONDS)
    assert layer.ts == list(range(20, 30))
    assert publisher.failed == 20
    assert 1 <= len(caplog.records) <= 6, "said, but not for every message"


def test_many_threads_may_publish(loop: asyncio.AbstractEventLoop) -> None:
    layer = Layer()
    publisher = Publisher("IG-USD", layer, loop, most=100_000)
    threads = [
        threading.Thread(target=lambda k=k: [publisher.publish(message(k * 1000 + i)) for i in range(500)])
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publisher.drain(PATIENCE_SECONDS)
    assert sorted(layer.ts) == [k * 1000 + i for k in range(4) for i in range(500)]
    for k in range(4):
        assert [t for t in layer.ts if t // 1000 == k] == [k * 1000 + i for i in range(500)]


def test_the_layer_of_one_process_keeps_up(loop: asyncio.AbstractEventLoop) -> None:
    """It drops without an error beyond its capacity of 100: the reader must get its turns."""
    layer = InProcessLayer()
    received: list[int] = []

    async def read() -> None:
        channel = await layer.new_channel("relay")
        await layer.group_add(group_name("IG-USD"), channel)
        joined.set()
        while len(received) < 3000:
            received.append((await layer.receive(channel))["t"])

    joined = threading.Event()
    reading = asyncio.run_coroutine_threadsafe(read(), loop)
    assert joined.wait(PATIENCE_SECONDS)
    publisher = Publisher("IG-USD", layer, loop)
    for t in range(3000):
        publisher.wait_for_room(PATIENCE_SECONDS)
        publisher.publish(message(t))
    reading.result(PATIENCE_SECONDS)
    assert received == list(range(3000))


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ValueError("cannot be packed"), TypeError("a bug")])
def test_a_message_that_cannot_be_sent_holds_up_none_behind_it(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(supervisor, "_tasks", {})
    layer = Layer()
    real = layer.group_send

    async def group_send(group: str, message: dict[str, Any]) -> None:
        if message["t"] in (1, 3):
            raise error
        await real(group, message)

    layer.group_send = group_send  # type: ignore[method-assign]
    publisher = Publisher("IG-USD", layer, loop)
    for t in range(5):
        publisher.publish(message(t))
    assert publisher.drain(PATIENCE_SECONDS)
    assert layer.ts == [0, 2, 4]
    assert publisher.failed == 2
    assert [one.name for one in supervisor.troubles()] == ["publisher of market.IG-USD"]
