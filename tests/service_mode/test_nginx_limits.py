"""What one address may take of nginx with the site of deploy/nginx.conf; no web process is behind it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from server.protocols.http_channel import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS
from tests.nginx import HOST, SITE, Nginx
from tests.processes import free_port, wait_until

#: A client may say here which address it has: this machine has no two IPv6 networks.
_SAID = "set_real_ip_from 127.0.0.1; real_ip_header X-Said-Address;"


@contextmanager
def started(directory: Path, *exchanged: tuple[str, str]) -> Iterator[Nginx]:
    """nginx with its site but for what is exchanged in it; every address that is let through gets 502."""
    site = SITE.read_text()
    for before, after in exchanged:
        assert before in site
        site = site.replace(before, after)
    server = Nginx(directory, [free_port(), free_port()], site)
    try:
        server.start()
        yield server
    finally:
        server.end()


def test_an_address_is_refused_beyond_its_limit_and_a_network_of_ipv6_is_one(tmp_path: Path) -> None:
    limit = ("limit_conn market_camera 2400;", f"limit_conn market_camera 3; {_SAID}")
    for_long = ("client_body_timeout 10s;", "client_body_timeout 1h;")  # the three hold their places all the while
    with started(tmp_path, limit, for_long) as nginx, ExitStack() as opened:
        for number in range(3):
            opened.enter_context(slow_body(nginx, f"2001:db8:a0a:d0a::{number + 1}"))
        wait_until(lambda: status(nginx, "2001:db8:a0a:d0a:ffff::1") == 429, "a refusal")
        assert status(nginx, "2001:db8:a0a:d0b::1") == 502
        assert status(nginx, "192.0.2.1") == 502
        refused = nginx.ask("/health", headers={"X-Said-Address": "2001:db8:a0a:d0a::4"})
        assert refused.headers["Content-Type"] == "application/json"
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["error"]["code"] == "too_many_connections"
        assert "limiting connections" not in nginx.log("market_camera.error.log")
    for number in range(1, 4):
        assert f"2001:db8:a0a:d0a::{number} " in nginx.log("market_camera.log")


@contextmanager
def slow_body(nginx: Nginx, address: str) -> Iterator[ssl.SSLSocket]:
    """A request from this address whose body does not end."""
    connection = nginx.http()
    connection.connect()
    head = f"POST /backtests HTTP/1.1\r\nHost: {HOST}\r\nX-Said-Address: {address}\r\nContent-Length: 9\r\n\r\n"
    connection.sock.sendall(head.encode() + b"slow")
    try:
        yield connection.sock
    finally:
        connection.close()


def status(nginx: Nginx, address: str) -> int:
    return nginx.ask("/health", headers={"X-Said-Address": address}).status


@pytest.mark.parametrize(
    ("timeout", "sent"),
    [
        ("client_header_timeout 15s;", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Half:"),
        ("client_body_timeout 10s;", b"POST /backtests HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow"),
    ],
)
def test_half_a_head_and_half_a_body_end_with_their_time(tmp_path: Path, timeout: str, sent: bytes) -> None:
    name, _ = timeout.split()
    with started(tmp_path, (timeout, f"{name} 1s;")) as nginx:
        connection = nginx.http()
        connection.connect()
        connection.sock.sendall(sent)
        assert connection.sock.recv(1000) == b""
        connection.close()


def test_times_and_lengths_are_those_of_the_web_processes() -> None:
    (site,) = re.findall(r"^server \{\n    # Over HTTP/2.*?^\}", SITE.read_text(), re.DOTALL | re.MULTILINE)
    told = dict(re.findall(r"^    (client_\w+|keepalive_timeout) (\w+);$", site, re.MULTILINE))
    assert told == {
        "client_header_timeout": f"{HEAD_SECONDS:g}s",
        "client_body_timeout": f"{BODY_SECONDS:g}s",
        "keepalive_timeout": f"{IDLE_SECONDS:g}s",
        "client_max_body_size": "1m",
    }
