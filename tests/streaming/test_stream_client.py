"""One stream client between its feed and its socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from streaming.fanout import stream_client
from streaming.fanout.outbox import Bundle, Item
from streaming.fanout.stream_client import StreamClient, socket_outlet
from streaming.protocol import control, gap, messages_in, websocket_frame


def tell_gap(kind: str, from_t: int, to_t: int) -> bytes:
    return websocket_frame(gap(kind, from_t, to_t, "slow"))


def bundle(*ts: int, size: int = 60, kind: str = "tick") -> Bundle:
    return Bundle(
        tuple(
            Item(kind, t, t, websocket_frame(b'{"type":"%s","t":%d,"pad":"%s"}' % (kind.encode(), t, b"x" * size)))
            for t in ts
        )
    )


class Socket:
    """The server's side of a socket: takes what is sent, while `open` is set."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        self.messages.append(message)

    @property
    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(message["text"]) for message in self.messages]


def served(
    test: Callable[[StreamClient, Socket], Awaitable[None]], *, outbox_bytes: int = 1 << 20, raw: bool = False
) -> None:
    """Run a test with a client whose pump runs."""

    async def run() -> None:
        socket = Socket()
        client = StreamClient(socket_outlet(socket.send, {} if raw else None), outbox_bytes, tell_gap)
        pump = asyncio.create_task(client.pump())
        await test(client, socket)
        pump.cancel()

    asyncio.run(run())


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_is_offered_goes_out_in_order() -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        client.offer(bundle(1, 2))
        await settled()
        client.offer(bundle(3))
        client.offer(bundle(4))
        await settled()
        assert [message["t"] for message in socket.texts] == [1, 2, 3, 4]

    served(test)


def test_a_server_that_takes_ready_frames_gets_them_in_one_piece() -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        made = bundle(1, 2)
        client.offer(made)
        await settled()
        (message,) = socket.messages
        assert message == {"type": "websocket.send", "market_camera.frames": made.wire}

    served(test, raw=True)


def test_binary_messages_stay_binary() -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        client.offer(Bundle((Item("tick", 1, 1, websocket_frame(b"\xff\x00", binary=True)),)))
        await settled()
        assert socket.messages == [{"type": "websocket.send", "bytes": b"\xff\x00"}]

    served(test)


def test_while_the_socket_is_full_little_is_handed_over_and_losses_are_told() -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        socket.open.clear()
        for t in range(1000):
            client.offer(bundle(t, size=1000))
            await asyncio.sleep(0)
        client.tell(websocket_frame(control("pong")))
        socket.open.set()
        await settled()
        heard = [message for part in socket.messages for message in read(part)]
        assert heard.count({"type": "pong"}) == 1
        due, gaps = 0, 0
        for message in heard:
            if message["type"] == "gap":
                assert (message["kind"], message["from_t"], message["reason"]) == ("tick", due, "slow")
                due, gaps = message["to_t"] + 1, gaps + 1
            elif message["type"] == "tick":
                assert message["t"] == due
                due += 1
        assert (due, gaps) == (1000, 1)
        assert client.counts.dropped == 1000 - sum(message["type"] == "tick" for message in heard)

    served(test, outbox_bytes=10_000, raw=True)


def read(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload, _ in messages_in(message["market_camera.frames"])]


def test_a_client_is_quiet_when_nothing_was_sent_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr(client._loop, "time", lambda: now)
        client.offer(bundle(1))
        await settled()
        now += stream_client.HEARTBEAT_SECONDS - 0.001
        assert not client.is_quiet()
        now += 0.002
        assert client.is_quiet()
        client.offer(bundle(2))
        assert not client.is_quiet(), "something waits"
        await settled()
        assert not client.is_quiet(), "something was just sent"

    served(test)


def test_who_leaves_its_answers_unread_is_owed_no_more() -> None:
    async def test(client: StreamClient, socket: Socket) -> None:
        socket.open.clear()
        pong = websocket_frame(control("pong"))
        told = 0
        while not client.is_owed_much():
            client.tell(pong)
            told += 1
        assert 100 < told < 1000
        socket.open.set()
        await settled()
        assert not client.is_owed_much()
        assert len(socket.messages) == told

    served(test)


def test_the_heartbeat_comes_after_half_a_minute() -> None:
    assert stream_client.HEARTBEAT_SECONDS == 30


def test_a_send_that_fails_ends_the_pump() -> None:
    async def run() -> None:
        async def send(message: dict[str, Any]) -> None:
            raise ConnectionError("gone")

        client = StreamClient(socket_outlet(send, {}), 1000, tell_gap)
        client.offer(bundle(1))
        with pytest.raises(ConnectionError, match="gone"):
            await client.pump()

    asyncio.run(run())


class Writer:
    """The short way to a socket, open or not; both ways lead to the same place."""

    def __init__(self, socket: Socket) -> None:
        self._socket, self.room = socket, True

    def write(self, wire: bytes) -> bool:
        if self.room:
            self._socket.messages.append({"market_camera.frames": wire})
        return self.room


def test_who_keeps_up_is_written_to_at_once() -> None:
    async def run() -> None:
        socket = Socket()
        client = StreamClient(socket_outlet(socket.send, {"write": Writer(socket).write}), 1000, tell_gap)
        client.offer(bundle(1))
        assert [message["t"] for part in socket.messages for message in read(part)] == [1]
        assert not client.is_quiet()

    asyncio.run(run())


def test_nothing_written_at_once_overtakes_what_waits() -> None:
    async def run() -> None:
        socket = Socket()
        writer = Writer(socket)
        client = StreamClient(socket_outlet(socket.send, {"write": writer.write}), 1 << 20, tell_gap)
        pump = asyncio.create_task(client.pump())
        await settled()
        client.offer(bundle(1))
        writer.room = False
        socket.open.clear()
        client.offer(bundle(2))
        await settled()  # the pump has taken it, and waits for the socket
        writer.room = True
        client.offer(bundle(3))
        socket.open.set()
        await settled()
        client.tell(websocket_frame(control("pong")))
        client.offer(bundle(4))
        await settled()
        client.offer(bundle(5))
        heard = [message.get("t", 0) for part in socket.messages for message in read(part)]
        assert heard == [1, 2, 3, 0, 4, 5]
        pump.cancel()

    asyncio.run(run())
