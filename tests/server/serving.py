"""Starts and watches the real server in a process of its own, with the application of `served.py`."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.forks import PATIENCE_SECONDS, spawn
from tests.network import CALM

CHILD = Path(__file__).with_name("served.py")
MEBI = 1 << 20

UPGRADE = (
    b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


class Serving:
    """The running child; `options` go to the server, but for those that `served.main` takes for itself."""

    def __init__(self, **options: Any) -> None:
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        (said, output), (complained, errors) = os.pipe(), os.pipe()
        self._said, self._complained = os.fdopen(said), os.fdopen(complained)
        command = [sys.executable, "-u", str(CHILD), json.dumps(options)]
        self.process = spawn(command, dict(os.environ), output=output, errors=errors)
        os.close(output)
        os.close(errors)
        self._errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Serving:
        addresses = self.event("listening")["addresses"]
        self.port = addresses[0][1] if addresses else 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        self._said.close()
        self._complained.close()

    def _read_events(self) -> None:
        for line in self._said:
            self._events.put(json.loads(line))
        self._events.put({"event": "end"})

    def _read_errors(self) -> None:
        self._errors.extend(self._complained)

    @property
    def errors(self) -> str:
        """What the child wrote to stderr so far, and all of it once it has ended."""
        if self.process.poll() is not None:
            self._threads[1].join(PATIENCE_SECONDS)
        return "".join(self._errors)

    def event(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The next event of that kind with those facts; others are kept for later calls."""
        wanted = {"event": kind, **facts}
        for kept in self._kept:
            if wanted.items() <= kept.items():
                self._kept.remove(kept)
                return kept
        while True:
            try:
                event = self._events.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no {wanted} within {PATIENCE_SECONDS:g} s, but {self._kept}") from None
            if wanted.items() <= event.items():
                return event
            if event["event"] == "end":
                self.process.wait()
                raise AssertionError(f"the server ended before {wanted}: {self.errors}")
            self._kept.append(event)

    def happened(self, kind: str, **facts: Any) -> bool:
        """Whether there was such an event so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._kept.append(self._events.get_nowait())
        return any({"event": kind, **facts}.items() <= kept.items() for kept in self._kept)

    @property
    def rss_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the child to stop; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def connect(self, request: bytes = b"", receive_bytes: int = 0) -> socket.socket:
        """A raw connection, with a small receive buffer if asked for; `request` is sent at once."""
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(("127.0.0.1", self.port))
        client.sendall(request)
        return client

    def upgrade(self, path: str, receive_bytes: int = 0) -> socket.socket:
        """A raw WebSocket past its handshake."""
        client = self.connect(f"GET {path} HTTP/1.1\r\n".encode() + UPGRADE + b"\r\n", receive_bytes)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        return client


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([0x80 | len(payload)]) + bytes(4) + payload
    return head + bytes([0x80 | 127]) + struct.pack("!Q", len(payload)) + bytes(4) + payload


def read_slowly(clients: list[socket.socket], seconds: float, least: int = 0) -> list[bytes]:
    """What each client got, taking up to 10 KB twenty times a second; the first one more than `least` bytes."""
    received = [bytearray() for _ in clients]
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(received[0]) <= least:
        for client, taken in zip(clients, received, strict=True):
            taken += (piece := client.recv(10_000))
            if client is clients[0] and not piece:
                return [bytes(taken) for taken in received]  # it was cut off
        select.select([], [], [], 0.05)
    return [bytes(taken) for taken in received]


def read_all(client: socket.socket) -> bytes:
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(MEBI):
            received += piece
    return bytes(received)


def whole_answer(client: socket.socket) -> bytes:
    """The next answer on a connection that is kept, head and body, however many pieces it comes in."""
    answer = HTTPResponse(client)
    answer.begin()
    head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
    return head.encode() + answer.headers.as_bytes() + answer.read()


def socket_at(url: str, **options: Any) -> ClientConnection:
    """A client of the stream at this address that gives nothing up, whatever else the machine does."""
    return connect(url, **{**CALM, "max_queue": None, **options})


def vanish(client: socket.socket) -> None:
    """Leave without a word: the other side sees a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        select.select([], [], [], 0.05)


def close_of(client: ClientConnection) -> tuple[int, str]:
    """The code and reason the server closes with."""

    def read_on() -> None:
        while True:
            client.recv(timeout=PATIENCE_SECONDS)

    with pytest.raises(ConnectionClosed) as closed:
        read_on()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason
