"""Clients that no server would wish for, over plain sockets, and a reader of what they were sent."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

from tests.processes import PATIENCE_SECONDS, Live

_TEXT, _CLOSE = 1, 8

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n"
)


def cramped_socket(live: Live, *, receive_bytes: int = 4096, source: str = "127.0.0.1") -> socket.socket:
    """A connection from this address, with little room in its receive buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(PATIENCE_SECONDS)
    client.bind((source, 0))
    client.connect(("127.0.0.1", live.port))
    return client


def raw_client(
    live: Live, query: str = "", *, receive_bytes: int = 4096, source: str = "127.0.0.1", headers: str = ""
) -> socket.socket:
    """A socket of the stream past its handshake, with little room in its receive buffer."""
    client = cramped_socket(live, receive_bytes=receive_bytes, source=source)
    client.sendall(UPGRADE.format(path=f"/ws/stream{query}", headers=headers).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += client.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return client


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    assert len(payload) < 126
    return bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload


def vanish(client: socket.socket) -> None:
    """Leave without a word: the other side sees a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def read_to_the_end(client: socket.socket, received: bytes = b"") -> bytes:
    """Everything that still comes, until the other side ends it or says that it will."""
    wire, seen = bytearray(received), 0
    with suppress(ConnectionResetError):
        while True:
            for opcode, _, end in _frames(wire, seen):
                if opcode == _CLOSE:
                    return bytes(wire)
                seen = end
            if not (piece := client.recv(1 << 20)):
                break
            wire += piece
    return bytes(wire)


def _frames(wire: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """(opcode, payload, where it ends) of each whole frame from `at` on."""
    while at + 2 <= len(wire):
        opcode, size, at = wire[at] & 0x0F, wire[at + 1], at + 2
        if size > 125:
            width = 2 if size == 126 else 8
            if at + width > len(wire):
                return  # cut in the middle of its length
            size, at = int.from_bytes(wire[at : at + width]), at + width
        if at + size > len(wire):
            return
        yield opcode, bytes(wire[at : at + size]), at + size
        at += size


def messages_and_close(wire: bytes) -> tuple[list[dict[str, Any]], tuple[int, str] | None]:
    """The whole messages in what a server sent, and its close code and reason, if it sent one."""
    messages: list[dict[str, Any]] = []
    for opcode, payload, _ in _frames(wire):
        if opcode == _CLOSE:
            return messages, (int.from_bytes(payload[:2]), payload[2:].decode())
        if opcode == _TEXT:
            messages.append(json.loads(payload))
    return messages, None


def memory_bytes(live: Live) -> int:
    return psutil.Process(live.process.pid).memory_info().rss


def figure(live: Live, name: str) -> float:
    """A figure of `/metrics`, whatever its labels."""
    lines = live.ask("/metrics").body.decode().splitlines()
    found = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{")]
    assert found, f"there is no {name}"
    return sum(found)
