"""The options of `manage.py serve`, and where they make the server listen."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from igsite.management.commands.serve import add_server_arguments, server_options
from server.server import endpoints


def options(*arguments: str) -> dict[str, Any]:
    parser = CommandParser()
    add_server_arguments(parser)
    return server_options(vars(parser.parse_args(arguments)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-b", "127.0.0.1"], [f"tcp:port={settings.CONFIG.port}:interface=127.0.0.1"]),
        (["-b", "::1", "-p", "81"], [r"tcp:port=81:interface=\:\:1"]),
        (["-u", "/run/x.sock"], ["unix:/run/x.sock"]),
        (["--fd", "0"], ["fd:fileno=0"]),
        (["-e", "tcp:1", "-e", "tcp:2"], ["tcp:1", "tcp:2"]),
        (["-e", "tcp:1", "-b", "127.0.0.1", "-p", "2"], ["tcp:1", "tcp:port=2:interface=127.0.0.1"]),
    ],
)
def test_endpoint_options_say_where_to_listen(arguments: list[str], expected: list[str]) -> None:
    assert options(*arguments)["endpoints"] == expected


def test_default_is_this_machine_alone_at_the_port_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options()["endpoints"] == endpoints(port=settings.CONFIG.port)
    assert options()["endpoints"][0] == f"tcp:port={settings.CONFIG.port}:interface=127.0.0.1"
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, bind="0.0.0.0"))
    assert options()["endpoints"][0] == f"tcp:port={settings.CONFIG.port}:interface=0.0.0.0"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="--bind must be localhost or an IP address of this machine"):
        options("--bind", "market.example.org")


def test_proxy_headers_are_believed_only_when_asked_and_of_proxies_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert options()["proxy_forwarded_address_header"] is None
    with pytest.raises(CommandError, match="believes nobody unless IG_TRUSTED_PROXIES names the proxies"):
        options("--proxy-headers")
    proxies = (ip_network("10.0.0.0/8"),)
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, trusted_proxies=proxies))
    assert options()["trusted_proxies"] == proxies
    assert options("--proxy-headers")["forwarded_header"] is None
    believed = options("--proxy-headers", "--proxy-headers-host", "X-Real-IP")
    assert believed["forwarded_header"] == "x-real-ip"
    assert believed["proxy_forwarded_address_header"] == "X-Real-IP"
    assert believed["proxy_forwarded_port_header"] == "X-Forwarded-Port"
    assert believed["proxy_forwarded_proto_header"] == "X-Forwarded-Proto"


def test_limits_pass_through() -> None:
    found = options("--ping-interval", "7", "--ping-timeout", "8", "--stall-seconds", "9", "--max-message-bytes", "10")
    assert (found["ping_interval"], found["ping_timeout"]) == (7, 8)
    assert (found["stall_seconds"], found["max_message_bytes"]) == (9, 10)


def test_what_no_option_says_comes_from_the_settings() -> None:
    assert options()["stall_seconds"] == settings.CONFIG.stall_seconds
    assert options()["permessage_deflate"] is settings.CONFIG.permessage_deflate
