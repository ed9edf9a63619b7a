"""Clients that send frames without end, of every sort, are cut; a stream beside them goes on."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.hostile.clients import frame, messages_and_close, read_to_the_end, vanish
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS
from tests.server.serving import UPGRADE, Serving, wait_until

EMPTY = b"\x00\x80" + bytes(4)

#: What each kind begins with, and sends over and over.
FLOODS = {
    "empty fragments": (b"\x01\x80" + bytes(4), EMPTY * 10_000),
    "pings": (b"", frame(9, b"") * 10_000),
    "pongs": (b"", frame(10, b"p") * 9_000),
    "messages": (b"", frame(1, b"1") * 9_000),
    "what follows a refused message": (b"\x81\x00", EMPTY * 10_000),
}
TICKS = 100
CUTS = 2
#: Far fewer than even a busy machine parses, of ten clients at once too: else it cuts nobody.
FRAMES_A_SECOND = 200

#: With one client alone that floods a server that parses what it reads at once takes 30 times as long.
TIMES_AS_LONG = 8


class Flooder:
    """Floods on a thread of its own; where it is cut it comes again, but not for ever: handshakes are no frames."""

    def __init__(self, serving: Serving, kind: str) -> None:
        self._serving = serving
        self._first, self._again = FLOODS[kind]
        self._client = serving.upgrade("/echo")
        self._over = False
        self.cuts = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over:
            with suppress(OSError):
                self._client.sendall(self._first)
                while not self._over:
                    self._client.sendall(self._again)
            self.cuts += 1
            if self._over or self.cuts == CUTS:
                return
            self._client.close()
            self._client = self._serving.upgrade("/echo")

    def end(self) -> None:
        self._over = True
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        vanish(self._client)


@contextmanager
def floods(serving: Serving, *kinds: str) -> Iterator[list[Flooder]]:
    flooders = [Flooder(serving, kind) for kind in kinds]
    try:
        yield flooders
    finally:
        for flooder in flooders:
            flooder.end()


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    with Serving(stall_seconds=600, frames_a_second=FRAMES_A_SECOND) as serving:
        yield serving


def seconds_of_ticks(client: ClientConnection) -> float:
    """How long the next ticks take, which are sent a few milliseconds apart."""
    begun = time.monotonic()
    for _ in range(TICKS):
        client.recv()
    return time.monotonic() - begun


def test_a_stream_beside_ten_that_flood_is_late_by_little(serving: Serving) -> None:
    ticks = partial(connect, f"{serving.url}/ticks", compression=None, max_queue=None, **CALM)
    with ticks() as client:
        quiet = seconds_of_ticks(client)
        with floods(serving, *FLOODS, *FLOODS) as flooders:
            flooded = seconds_of_ticks(client)
            wait_until(lambda: all(flooder.cuts == CUTS for flooder in flooders))
    with ticks() as client:  # the machine may have had other work since
        assert flooded < TIMES_AS_LONG * max(quiet, seconds_of_ticks(client))


@pytest.mark.parametrize("kind", [kind for kind in FLOODS if kind != "what follows a refused message"])
def test_who_floods_is_told_1008_and_cut_with_one_line(serving: Serving, kind: str) -> None:
    first, again = FLOODS[kind]
    client = serving.upgrade(f"/echo?name={kind.replace(' ', '-')}")
    client.sendall(first + again)
    assert messages_and_close(read_to_the_end(client))[1] == (
        1008,
        f"more than {FRAMES_A_SECOND} WebSocket frames a second",
    )
    assert client.recv(1) == b"", "the server ends its direction at once"
    port = client.getsockname()[1]
    client.close()
    assert serving.event("disconnect", name=kind.replace(" ", "-"))["code"] == 1008
    line = f"cut off 127.0.0.1:{port}: it sent more than {FRAMES_A_SECOND} WebSocket frames a second"
    wait_until(lambda: line in serving.errors)
    assert serving.errors.count(line) == 1


def test_of_many_requests_that_come_together_those_of_an_address_begin_in_turns() -> None:
    with Serving() as serving, ExitStack() as opened:
        asking = [opened.enter_context(idle_connection(serving, "127.0.0.2")) for _ in range(40)]
        asking.append(opened.enter_context(idle_connection(serving, "127.0.0.3")))
        serving.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(serving.process.pid).status() == psutil.STATUS_STOPPED)
        for client in asking:
            name = f"of-{client.getsockname()[0]}"
            client.sendall(f"GET /echo?name={name} HTTP/1.1\r\n".encode() + UPGRADE + b"\r\n")
        serving.process.send_signal(signal.SIGCONT)
        begun = [serving.event("begun")["name"] for _ in asking]
        assert begun.index("of-127.0.0.3") < 10, "the last to ask does not wait for forty of another"
        for client in asking:
            assert client.recv(12) == b"HTTP/1.1 101"


def idle_connection(serving: Serving, source: str) -> socket.socket:
    """A connection of this address on which one request was answered."""
    client = socket.create_connection(("127.0.0.1", serving.port), PATIENCE_SECONDS, (source, 0))
    client.sendall(b"GET /whole/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\r\n0\r\n\r\n"):
        answer += client.recv(1000)
    return client
