"""Clients that let the server wait for what they have to say, and those that are only slow."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from server.protocols.http_channel import HttpChannel
from tests.server.serving import PATIENCE_SECONDS, UPGRADE, Serving, read_all, socket_at, whole_answer

HEAD = b"GET /whole/3 HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def strict() -> Iterator[Serving]:
    """A server that waits for next to nothing."""
    with Serving(head_seconds=2, body_seconds=2, idle_seconds=2, stall_seconds=600) as serving:
        yield serving


@pytest.fixture(scope="module")
def steady() -> Iterator[Serving]:
    """One that waits for longer than this process may stand still, for those that are only slow."""
    with Serving(head_seconds=4, body_seconds=4, idle_seconds=4, stall_seconds=600) as serving:
        yield serving


@contextmanager
def dripping(client: socket.socket, piece: bytes = b"x", seconds: float = 0.05) -> Iterator[None]:
    """Says a little again and again, as long as the other end takes it."""
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not over.wait(seconds):
                client.sendall(piece)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        client.close()


def answer_of(client: socket.socket) -> bytes:
    """What is answered, even where the end of the connection meets something of ours."""
    received = b""
    with suppress(ConnectionError):
        while piece := client.recv(10_000):
            received += piece
    return received


def assert_timed_out(answer: bytes, message: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Connection: close" in head
    assert json.loads(body) == {"error": {"code": "request_timeout", "message": message}}


@pytest.mark.parametrize(
    "begin",
    [b"G", b"GET /whole/3 HTTP/1.1\r\nX-Slow: ", b"GET /echo HTTP/1.1\r\n" + UPGRADE + b"X-Slow: "],
    ids=["request line", "header", "handshake of a socket"],
)
def test_a_head_dripped_by_the_byte_is_cut_off(strict: Serving, begin: bytes) -> None:
    client = strict.connect(begin)
    with dripping(client):
        assert_timed_out(answer_of(client), "request line and headers must be there within 2 s")


def test_who_says_nothing_is_cut_off_without_a_word(strict: Serving) -> None:
    assert answer_of(strict.connect()) == b""


@pytest.mark.parametrize("length", [b"Content-Length: 100000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_dripped_by_the_byte_is_cut_off(strict: Serving, length: bytes) -> None:
    client = strict.connect(POST + length + b"\r\n" + (b"ffff\r\n" if b"chunked" in length else b""))
    with dripping(client):
        assert_timed_out(answer_of(client), "a body must come at 1024 bytes a second at least")


def test_a_slow_body_that_keeps_coming_is_taken(steady: Serving) -> None:
    client = steady.connect(POST + b"Content-Length: 40000\r\n\r\n")
    for _ in range(40):
        client.sendall(b"x" * 1000)
        select.select([], [], [], 0.15)
    assert b"x" * 40_000 in read_all(client)


def test_a_kept_connection_is_closed_when_nothing_comes(strict: Serving) -> None:
    client = strict.connect(HEAD + b"\r\n")
    answer = answer_of(client)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_further_request_has_its_own_time_from_its_first_byte_on(strict: Serving) -> None:
    client = strict.connect(HEAD + b"\r\n" + b"GET /wh")
    with dripping(client):
        first, second = answer_of(client).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 OK")
    assert second.startswith(b"408 ")


def test_requests_one_after_the_other_outlive_every_limit(steady: Serving) -> None:
    client = steady.connect()
    for _ in range(10):
        client.sendall(HEAD + b"\r\n")
        assert whole_answer(client).startswith(b"HTTP/1.1 200 OK")
        select.select([], [], [], 0.5)


def test_who_takes_a_long_answer_slowly_has_all_the_time(strict: Serving) -> None:
    client = strict.connect(b"GET /whole/400000 HTTP/1.1\r\nHost: x\r\n\r\n", receive_bytes=4096)
    received = b""
    while received.count(b"x") < 400_000:
        received += (piece := client.recv(8_000))
        assert piece, f"cut off after {len(received)} bytes"
        select.select([], [], [], 0.1)


def test_a_socket_is_no_idle_connection(strict: Serving) -> None:
    with socket_at(f"{strict.url}/echo") as client:
        select.select([], [], [], 3)
        client.send("still here")
        assert client.recv(timeout=PATIENCE_SECONDS) == "still here"


@pytest.mark.parametrize("begin", [b"", b"GET /whole/3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
def test_over_tls_nobody_stays_who_neither_speaks_nor_leaves(certificate: tuple[str, str], begin: bytes) -> None:
    key, chain = certificate
    where = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={chain}"
    limits = {} if begin else {"head_seconds": 1}  # a handshake may take longer than that
    with Serving(endpoints=[where], stall_seconds=1, **limits) as serving:
        plain = serving.connect()
        if begin:
            client = ssl.create_default_context(cafile=chain).wrap_socket(
                plain, server_hostname="localhost", suppress_ragged_eofs=False
            )
            client.sendall(begin)
            wait_for_the_end(client)
        else:
            assert answer_of(plain) == b""


def wait_for_the_end(client: socket.socket) -> None:
    """Wait until a connection is reset, without taking part in its end."""
    poll = select.poll()
    poll.register(client.fileno(), select.POLLHUP | select.POLLERR)
    assert poll.poll(PATIENCE_SECONDS * 1000)


@pytest.mark.parametrize(
    "body", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
def test_what_is_not_counted_as_a_request_has_no_body(patient: Serving, body: bytes) -> None:
    for head in (
        b"GET /echo HTTP/1.1\r\n" + UPGRADE,
        b"POST /health HTTP/1.1\r\nHost: x\r\n",
        b"GET /stream HTTP/1.1\r\n",
    ):
        answer = answer_of(patient.connect(head + body))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"without a body" in answer
    whole = patient.connect(b"GET /echo HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 0\r\n\r\n")
    assert whole.recv(12) == b"HTTP/1.1 101"
    whole.close()


@pytest.mark.parametrize("path", ["/stream", "/stream?types=tick", "/%73tream", "/str%65am?x=%2F"])
def test_a_stream_of_events_is_known_however_its_path_is_written(path: str) -> None:
    channel = HttpChannel.__new__(HttpChannel)
    channel._command, channel._path = b"GET", path.encode()
    assert channel.begins_stream
    channel._path = b"/x" + path.encode()
    assert not channel.begins_stream
