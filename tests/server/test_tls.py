"""A server behind a proxy that speaks TLS: what came by HTTP is sent to HTTPS, and only the proxy is believed."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live, Site

PROXY, STRANGER, HOST = "127.0.0.2", "127.0.0.3", "market.example.org"


@pytest.fixture(scope="module", params=["serve", "live"])
def web(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("tls"), migrated_database)
    try:
        yield site.serve(request.param, IG_TLS=1, IG_TRUSTED_PROXIES=PROXY, IG_ALLOWED_HOSTS=HOST)
    finally:
        site.end()


def ask(web: Live, path: str, source: str = PROXY, **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_SECONDS, source_address=(source, 0))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={"Host": HOST, **named})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    "told",
    [
        {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https"},
        {"X_Forwarded_For": "198.51.100.7:4711", "X_Forwarded_Proto": "http, https"},
        {"Forwarded": "for=198.51.100.7;proto=https"},
    ],
    ids=["usual", "by two proxies", "Forwarded"],
)
def test_what_came_over_tls_is_answered_and_told_to_stay_there(web: Live, told: dict[str, str]) -> None:
    answer = ask(web, "/live/?lang=en", **told)
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "; Secure" in answer.headers["Set-Cookie"]
    admin = ask(web, "/admin/login/", **told)
    assert "; Secure" in admin.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (PROXY, {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "http"}),
        (PROXY, {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https, http"}),
        (PROXY, {"Forwarded": "for=198.51.100.7;proto=http"}),
        (STRANGER, {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https"}),
        (STRANGER, {"Forwarded": "for=198.51.100.7;proto=https"}),
        (STRANGER, {}),
    ],
    ids=["http", "invented before the proxy", "Forwarded", "stranger", "stranger with Forwarded", "plain"],
)
def test_what_did_not_is_sent_there(web: Live, source: str, told: dict[str, str]) -> None:
    for path in ("/live/", "/segments?kind=ticks", "/admin/"):
        answer = ask(web, path, source, **told)
        assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}{path}")
        assert "Strict-Transport-Security" not in answer.headers


def test_probes_on_this_machine_are_answered_by_the_address_they_ask(web: Live) -> None:
    for host in ("127.0.0.1", "localhost", f"127.0.0.1:{web.port}", HOST):
        assert ask(web, "/health", "127.0.0.1", Host=host).status in (200, 503)
        assert ask(web, "/metrics", "127.0.0.1", Host=host).status == 200
    assert ask(web, "/health", "127.0.0.1", Host="elsewhere.example.org").status == 400


def test_sockets_are_served(web: Live) -> None:
    with connect(f"{web.ws_url}/ws/stream", origin=f"https://{HOST}", **CALM) as client:  # type: ignore[arg-type]
        client.send("ping")
        while "pong" not in str(client.recv(PATIENCE_SECONDS)):
            pass
