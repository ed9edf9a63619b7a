"""The server's HTTP request, as far as it needs no connection."""

from __future__ import annotations

from server.protocols.http_request import HttpRequest


def test_a_log_shows_a_request_without_its_query() -> None:
    request = HttpRequest.__new__(HttpRequest)
    assert "no uri yet" in repr(request)
    request.method, request.uri = b"GET", b"/ws/stream?token=secret"
    assert repr(request) == "<HttpRequest GET /ws/stream>"
