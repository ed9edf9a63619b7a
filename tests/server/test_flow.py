"""Valve, stall watch and inbox by themselves: no sockets, no clock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from server.protocols.flow import UNREAD_BYTES, Inbox, MeteredTCP, StallWatch, Valve, waiting
from tests.processes import PATIENCE_SECONDS


class Transport:
    """Counts drained bytes as asked and notes whether it is read."""

    def __init__(self, drained_bytes: int = 0, undelivered_bytes: int = 0) -> None:
        self.drained_bytes, self.undelivered_bytes = drained_bytes, undelivered_bytes
        self.reads = True

    def pauseProducing(self) -> None:  # noqa: N802
        self.reads = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.reads = True


def looks(watch: StallWatch, transports: list[Transport], *times: float) -> list[list[Transport]]:
    return [watch.stalled(transports, now) for now in times]


def test_transport_that_drains_nothing_is_stalled_once_the_time_is_up() -> None:
    watch, transport = StallWatch(40), Transport(1000)
    assert looks(watch, [transport], 100, 110, 120, 130, 139.9, 140) == [[]] * 5 + [[transport]]


def test_one_byte_drained_starts_the_time_anew() -> None:
    watch, transport = StallWatch(40), Transport()
    assert looks(watch, [transport], 0, 10, 20, 30) == [[]] * 4
    transport.drained_bytes += 1
    assert looks(watch, [transport], 40, 50, 60, 70, 80) == [[]] * 4 + [[transport]]


def test_time_with_nothing_to_drain_does_not_count() -> None:
    watch, transport = StallWatch(40), Transport()
    assert looks(watch, [transport], 0, 10, 20, 30) == [[]] * 4
    assert watch.stalled([], 40) == []
    assert looks(watch, [transport], 50, 60, 70, 80, 90) == [[]] * 4 + [[transport]]


def test_a_stream_waits_while_the_other_end_lacks_what_the_kernel_has() -> None:
    def protocol(undelivered_bytes: int, *, is_stream: bool) -> SimpleNamespace:
        return SimpleNamespace(transport=Transport(undelivered_bytes=undelivered_bytes), is_stream=is_stream)

    dead, alive, other = protocol(14, is_stream=True), protocol(0, is_stream=True), protocol(14, is_stream=False)
    found = waiting([], [dead, alive, other])
    assert [one.transport in found for one in (dead, alive, other)] == [True, False, False]


@contextmanager
def connected() -> Iterator[MeteredTCP]:
    """A transport whose other end reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()):
        accepted, address = listening.accept()
        names = ("addReader", "removeReader", "addWriter", "removeWriter")
        reactor = SimpleNamespace(**dict.fromkeys(names, lambda _: None))
        transport = MeteredTCP(accepted, Protocol(), address, None, 0, reactor)
        transport.place = SimpleNamespace(leave=lambda: None)
        yield transport


def test_a_stream_whose_connection_is_lost_while_its_application_goes_on_waits_for_nothing() -> None:
    with connected() as transport:
        transport.write(b"14 bytes or so")
        stream = SimpleNamespace(transport=transport, is_stream=True)
        transport.connectionLost(Failure(ConnectionDone()))
        assert waiting([], [stream]) == set()
        assert transport.drained_bytes == len(b"14 bytes or so")


def test_what_a_client_has_not_taken_goes_with_its_connection() -> None:
    with connected() as transport:
        while transport.unsent_bytes < 100_000:  # the kernel takes its part first
            transport.write(bytes(100_000))
        transport.connectionLost(Failure(ConnectionDone()))
        assert transport.unsent_bytes == 0


def test_time_in_which_the_process_stood_still_is_not_the_clients() -> None:
    watch, transport = StallWatch(40), Transport()
    assert looks(watch, [transport], 0, 1000, 1010) == [[]] * 3
    assert watch.stalled([transport], 1020) == [transport]


def test_open_valve_lets_senders_pass_at_once() -> None:
    with pytest.raises(StopIteration):
        Valve().wait().send(None)


def test_full_valve_holds_every_sender_until_there_is_room() -> None:
    async def scenario() -> None:
        valve = Valve()
        valve.pauseProducing()
        senders = [asyncio.create_task(valve.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(sender.done() for sender in senders)
        valve.resumeProducing()
        await asyncio.wait_for(asyncio.gather(*senders), PATIENCE_SECONDS)

    asyncio.run(scenario())


def test_sender_is_held_on_when_the_buffer_fills_again_before_its_turn() -> None:
    async def scenario() -> None:
        valve = Valve()
        valve.pauseProducing()
        sender = asyncio.create_task(valve.wait())
        await asyncio.sleep(0)
        valve.resumeProducing()
        valve.pauseProducing()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not sender.done()
        valve.stopProducing()
        await asyncio.wait_for(sender, PATIENCE_SECONDS)

    asyncio.run(scenario())


def test_valve_tells_when_there_is_room() -> None:
    told = []
    valve = Valve(lambda: told.append(valve.full))
    valve.pauseProducing()
    valve.resumeProducing()
    assert told == [False]


@pytest.mark.parametrize("key", ["text", "bytes"])
def test_inbox_stops_the_client_beyond_its_bound_and_lets_it_go_on_below(key: str) -> None:
    transport = Transport()
    inbox = Inbox(transport)
    half = {"type": "websocket.receive", key: ("x" if key == "text" else b"x") * (UNREAD_BYTES // 2)}
    inbox.put_nowait(half)
    assert transport.reads
    inbox.put_nowait(half)
    assert not transport.reads
    assert inbox.get_nowait() is half
    assert transport.reads


def test_many_empty_messages_fill_the_inbox_too() -> None:
    transport = Transport()
    inbox = Inbox(transport)
    count = 0
    while transport.reads:
        inbox.put_nowait({"type": "websocket.receive", "text": ""})
        count += 1
    assert count < 10_000
