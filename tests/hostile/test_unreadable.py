"""Requests that no server can read are told so in the shape of every error, and cost the log next to nothing."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest

from igsite.log_limits import FewLines
from tests.hostile.clients import UPGRADE
from tests.processes import PATIENCE_SECONDS, Live, Site


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A server without a market, which nobody asks for here."""
    site = Site(tmp_path_factory.mktemp("unreadable"), migrated_database)
    try:
        server = site.serve("serve", "-b", "127.0.0.1")
        yield server
        assert server.stop() == 0
    finally:
        site.end()


DIGITS = b"9" * 5_000
MANY = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 90) for n in range(200))


def answer_of(live: Live, request: bytes) -> tuple[int, dict[str, str]]:
    """Status and error of the only answer to this, behind which the server ends the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", live.port), PATIENCE_SECONDS) as client, suppress(ConnectionError):
        client.sendall(request)
        while piece := client.recv(1 << 16):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert received.count(b"HTTP/1.1 ") == 1, received[:300]
    assert b"Content-Type: application/json" in head
    assert b"Connection: close" in head
    return int(head.split(b" ")[1]), json.loads(body)["error"]


def request(headers: bytes = b"", path: bytes = b"/health", method: bytes = b"GET") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (method, path, headers)


def assert_told(live: Live, request: bytes, status: int, code: str, message: str) -> None:
    before = len(live.log())
    told, error = answer_of(live, request)
    assert (told, error) == (status, {"code": code, "message": message})
    assert "Traceback" not in live.log()[before:]
    assert live.ask("/health").status == 200


LENGTHS = {
    "5,000 digits": DIGITS,
    "5,000 zeros": b"0" * 5_000,
    "a plus": b"+5",
    "a minus": b"-5",
    "an underscore": b"1_0",
    "Arabic digits": "٣".encode(),
    "a superscript": b"\xb2",
    "nothing": b"",
    "hexadecimal": b"0x10",
    "a list": b"5, 5",
    "another one": b"5\r\nContent-Length: 6",
    "chunks": b"5\r\nTransfer-Encoding: chunked",
}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_a_length_that_is_none_is_a_bad_request(live: Live, length: bytes) -> None:
    message = "this cannot be read as a request of HTTP/1.1"
    assert_told(live, request(b"Content-Length: %s\r\n" % length, method=b"POST"), 400, "bad_request", message)


CHUNKS = {
    "5,000 digits": b"f" * 5_000,
    "a minus": b"-5",
    "an underscore": b"1_0",
    "Arabic digits": "٣".encode(),
    "nothing": b"",
    "no end": b"1\r\naXX",
    "trailers without end": b"0\r\n" + b"A: b\r\n" * 20_000,
}


@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS)
def test_a_chunk_that_is_none_is_a_bad_request(live: Live, chunk: bytes) -> None:
    begun = request(b"Transfer-Encoding: chunked\r\n", b"/segments", b"POST")
    message = "this cannot be read as a request of HTTP/1.1"
    assert_told(live, begun + chunk + b"\r\nhello\r\n", 400, "bad_request", message)


NO_REQUESTS = {
    "no request line": b"\x16\x03\x01\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "another version": b"GET /health HTTP/9.9\r\n\r\n",
    "no colon": request(b"Nocolon\r\n"),
    "no name": request(b": c\r\n"),
    "a NUL": request(b"A: \0\r\n"),
}


@pytest.mark.parametrize("bad", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_a_bad_request(live: Live, bad: bytes) -> None:
    assert_told(live, bad, 400, "bad_request", "this cannot be read as a request of HTTP/1.1")


HEADS = {
    "one header of 20 KB": request(b"X-A: %s\r\n" % (b"a" * 20_000)),
    "one header without end": request(b"X-A: %s" % (b"a" * 20_000))[:-2],
    "200 headers of 100 bytes": request(MANY),
    "600 headers": request(b"A: b\r\n" * 600),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_headers_beyond_measure_are_told_the_measure(live: Live, head: bytes) -> None:
    message = "a request's head may have 16384 bytes and 500 headers"
    assert_told(live, head, 431, "headers_too_large", message)


@pytest.mark.parametrize("line", [request(path=b"/" + b"a" * 20_000), bytes(20_000)], ids=["whole", "without end"])
def test_a_request_line_beyond_measure_is_told_the_measure(live: Live, line: bytes) -> None:
    assert_told(live, line, 414, "request_line_too_long", "a request line may have 16384 bytes")


def test_the_measure_is_that_of_each_request_on_a_connection(live: Live) -> None:
    first = request(b"X-A: %s\r\n" % (b"a" * 10_000))
    with socket.create_connection(("127.0.0.1", live.port), PATIENCE_SECONDS) as client:
        for _ in range(3):
            client.sendall(first)
            answer = HTTPResponse(client)  # whole, however many pieces it comes in
            answer.begin()
            assert (answer.status, answer.read()[:1]) == (200, b"{")


HANDSHAKES = {
    "a version of 5,000 digits": ("Version: 13", f"Version: {DIGITS.decode()}"),
    "a port of 5,000 digits": ("Host: x", f"Host: x:{DIGITS.decode()}"),
    "an origin's port of 5,000 digits": ("Host: x", f"Host: x\r\nOrigin: http://x:{DIGITS.decode()}"),
    "no key": ("AAAAAAAA", "@"),
}


@pytest.mark.parametrize(("right", "wrong"), HANDSHAKES.values(), ids=HANDSHAKES)
def test_a_handshake_that_cannot_be_read_is_told_why(live: Live, right: str, wrong: str) -> None:
    before = len(live.log())
    handshake = UPGRADE.format(path="/ws/stream", headers="").replace(right, wrong)
    status, error = answer_of(live, handshake.encode())
    assert (status, error["code"]) == (400, "bad_request")
    assert 10 < len(error["message"]) <= 200
    assert "Traceback" not in live.log()[before:]


@pytest.mark.parametrize("host", ["evil.example", "a b/<>", "x" * 5_000, "\xff"])
def test_a_host_that_is_none_of_ours_costs_no_more_than_a_line_now_and_then(live: Live, host: str) -> None:
    before = len(live.log())
    for _ in range(20):
        answer = live.ask("/segments", headers={"Host": host})
        assert answer.status == 400
        error = answer.json()["error"]
        assert error["code"] == "unknown_host"
        assert error["message"].startswith("this server answers to no Host of ")
        assert len(error["message"]) < 200
    lines = [line for line in live.log()[before:].splitlines() if "DisallowedHost" in line]
    assert sum(map(len, lines)) < 2_000
    assert "Traceback" not in live.log()[before:]


def test_of_refused_requests_a_short_line_is_said_each_ten_seconds() -> None:
    now, said = [0.0], []
    few = FewLines(lambda: now[0])
    for now[0] in (0.0, 1.0, 9.0, 10.0, 20.0):
        record = logging.LogRecord("x", logging.ERROR, "", 0, "no host %s", ("h" * 500,), None)
        if few.filter(record):
            said.append(record.getMessage())
    line = "no host " + "h" * 189 + "..."
    assert said == [line, f"{line} (and 2 more since the line before)", line]
