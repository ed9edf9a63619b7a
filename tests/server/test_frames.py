"""Streams of WebSocket frames, any that there can be, through our reading and autobahn's parser: no sockets, no clock.

What our reading takes for granted of autobahn and daphne, an upgrade of theirs has to leave as it is, or these fail.
"""

from __future__ import annotations

import itertools
import struct
from typing import Any

import autobahn.websocket.protocol
import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
import pytest
from daphne.ws_protocol import WebSocketProtocol
from hypothesis import given, settings
from hypothesis import strategies as st

from server.factories import SocketFactory
from server.protocols.websocket import WebSocket
from server.protocols.websocket_intake import PIECE_BYTES
from server.server import Server
from tests.examples import at_most
from tests.server.turning import Loop, Transport

EMPTY = b"\x00\x80" + bytes(4)
LIMIT = 100
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Standing(Server):
    """A server that is not run; it stands behind protocols without sockets."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        protocol.inbox = getattr(protocol, "inbox", None) or Received()
        return protocol.inbox


class Received(list[dict[str, Any]]):
    put_nowait = list.append


class Plain(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's protocol as it is, but that it refuses as ours does."""

    failByDrop = False  # noqa: N815


def opened(protocol_class: type, limit: int = LIMIT) -> tuple[Any, Loop]:
    """A protocol past its handshake, and the loop on which it parses."""
    server: Any = Standing(None, ["none"], frames_a_second=limit)  # type: ignore[arg-type]
    loop = Loop()
    server.loop = loop  # type: ignore[arg-type]
    factory = SocketFactory(server)
    factory.protocol = protocol_class
    protocol = factory.buildProtocol(None)
    protocol._raw_query_string = b""
    protocol.makeConnection(Transport())
    protocol.dataReceived(UPGRADE)
    if protocol_class is Plain:
        protocol.serverAccept()
    else:
        protocol.handle_reply({"type": "websocket.accept"})
    assert protocol.transport.written.startswith(b"HTTP/1.1 101")
    protocol.transport.written = b""
    return protocol, loop


def received(protocol: Any) -> list[Any]:
    inbox = protocol.inbox
    messages = list(inbox) if isinstance(inbox, list) else [inbox.get_nowait() for _ in range(inbox.qsize())]
    return [message.get("text", message.get("bytes")) for message in messages if message["type"] == "websocket.receive"]


def wire(fin: bool, opcode: int, masked: bool, payload: bytes) -> bytes:
    head = bytes([fin << 7 | opcode])
    mask = bytes(4) if masked else b""
    if len(payload) < 126:
        return head + bytes([masked << 7 | len(payload)]) + mask + payload
    return head + bytes([masked << 7 | 126]) + struct.pack("!H", len(payload)) + mask + payload


FRAMES = st.one_of(
    st.builds(wire, st.booleans(), st.sampled_from([0, 1, 2, 9, 10]), st.just(True), st.binary(max_size=40)),
    st.builds(wire, st.just(True), st.sampled_from([1, 2]), st.just(True), st.text(max_size=900).map(str.encode)),
    st.builds(wire, st.booleans(), st.integers(0, 15), st.sampled_from([True, True, False]), st.binary(max_size=300)),
    st.just(EMPTY * 300),
)


@settings(max_examples=at_most(30))
@given(st.lists(FRAMES, max_size=20), st.lists(st.integers(1, 700), min_size=1, max_size=5))
def test_any_stream_of_frames_is_heard_as_autobahn_alone_hears_it(frames: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frames)
    ours, loop = opened(WebSocket, limit=1_000_000)
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(stream):
            break
        ours.dataReceived(stream[at : at + size])
        at += size
    loop.run()
    plain, _ = opened(Plain)
    plain.dataReceived(stream)
    assert received(ours) == received(plain)
    assert ours.localCloseCode == plain.localCloseCode
    assert ours.failedByMe == plain.failedByMe


@settings(max_examples=at_most(30))
@given(st.lists(FRAMES, max_size=10), st.sampled_from([EMPTY, wire(True, 9, True, b""), wire(True, 10, True, b"p")]))
def test_no_stream_has_more_parsed_than_its_limit_nor_much_in_one_turn(frames: list[bytes], flood: bytes) -> None:
    counted: list[int] = [0]

    class Counted(WebSocket):
        def onFrameBegin(self) -> None:  # noqa: N802
            counted[-1] += 1
            loop.now += 0.00001
            super().onFrameBegin()

    ours, loop = opened(Counted)
    begun = loop.now
    ours.dataReceived(b"\x01\x80" + bytes(4) + b"".join(frames) + flood * 10_000)
    counted.append(0)
    while loop.turn():
        counted.append(0)
    assert max(counted) <= 4 * PIECE_BYTES / len(EMPTY)
    assert sum(counted) <= LIMIT + 1 + LIMIT * (loop.now - begun)
    assert ours.failedByMe
    assert ours.transport.reads
    ours.dataReceived(flood * 1000)
    assert counted[-1] == 0


def test_who_sends_too_many_frames_is_cut_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    ours, loop = opened(WebSocket)
    ours.dataReceived(b"\x01\x80" + bytes(4) + EMPTY * 10_000)
    loop.run()
    ours.dataReceived(EMPTY * 10_000)
    reason = f"more than {LIMIT} WebSocket frames a second"
    assert ours.transport.written == bytes([0x88, 2 + len(reason)]) + struct.pack("!H", 1008) + reason.encode()
    assert (ours.transport.ends, ours.transport.waits) == (["half"], True)
    assert [record.getMessage() for record in caplog.records] == [
        f"cut off 192.0.2.1:40001: it sent more than {LIMIT} WebSocket frames a second"
    ]


def test_nothing_behind_a_refused_frame_is_parsed_and_not_much_of_it_taken() -> None:
    ours, loop = opened(WebSocket)
    ours.dataReceived(wire(True, 1, False, b"unmasked") + wire(True, 1, True, b"behind it"))
    ours.dataReceived(wire(True, 9, True, b"and later"))
    loop.run()
    assert received(ours) == []
    assert ours.transport.written[2:4] == struct.pack("!H", 1002)
    assert ours.transport.ends == ["half"]
    for _ in range(10):
        ours.dataReceived(bytes(1 << 20))
    assert ours.transport.ends[1] == "aborted"


def test_what_comes_before_the_handshake_is_over_waits_for_it() -> None:
    other, loop = opened(WebSocket)
    early = other.factory.buildProtocol(None)
    early._raw_query_string = b""
    early.makeConnection(Transport())
    early.dataReceived(UPGRADE + wire(True, 1, True, b"first"))
    early.dataReceived(wire(True, 1, True, b"a \r\n\r\n of its own"))
    assert not early.transport.reads
    early.handle_reply({"type": "websocket.accept"})
    loop.run()
    assert received(early) == ["first", "a \r\n\r\n of its own"]
    assert early.transport.reads


def test_a_socket_has_all_options_of_its_factory_and_does_not_write_them_out(monkeypatch: pytest.MonkeyPatch) -> None:
    written = list[list[object]]()
    monkeypatch.setattr(autobahn.websocket.protocol, "pformat", written.append)
    ours, _ = opened(WebSocket)
    assert written == [[]]
    opened(Plain)
    assert len(written[1]) == len(WebSocketProtocol.CONFIG_ATTRS), "autobahn's own writes them"
    changed = {"failByDrop", "closeHandshakeTimeout"}
    for name in set(WebSocketProtocol.CONFIG_ATTRS) - changed:
        assert getattr(ours, name) == getattr(ours.factory, name), name
