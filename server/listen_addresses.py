"""The addresses on which the server listens, and addresses in readable form."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from typing import Any

import psutil
from daphne.endpoints import build_endpoint_description_strings

from igsite.parsers import LOCALHOST


def endpoints(
    host: str | None = None,
    port: int | None = None,
    unix_socket: str | None = None,
    file_descriptor: int | None = None,
) -> list[str]:
    """The addresses to listen on, as descriptions of Twisted endpoints.

    A port without a host, or with `localhost`, means this machine only, by IPv4 and by IPv6, because some clients look
    for `localhost` only in IPv6. `0.0.0.0` means all of IPv4 and this machine by IPv6. (All of IPv6 would use one
    socket for both, on which IPv4 clients have mapped addresses.)
    """
    hosts = {None: ["127.0.0.1"], LOCALHOST: ["127.0.0.1"]}.get(host, [host])
    if host in (None, LOCALHOST, "0.0.0.0") and _has_ipv6():
        hosts = [*hosts, "::1"]
    found: list[str] = []
    for each in hosts if port is not None else []:
        found += build_endpoint_description_strings(each, port)
    found += build_endpoint_description_strings(unix_socket=unix_socket, file_descriptor=file_descriptor)
    return found


def own_names(host: str | None) -> list[str]:
    """The names by which clients reach this machine if it listens at `host`, besides localhost: the address, and, if
    `host` means all addresses, the machine's name too."""
    if host in (None, LOCALHOST):
        return []
    own = ip_address(host)
    if not own.is_unspecified:
        return [_as_host(str(own))]
    families = (socket.AF_INET, socket.AF_INET6)
    found = [one for each in psutil.net_if_addrs().values() for one in each if one.family in families]
    return [socket.gethostname(), *(_as_host(one.address.split("%")[0]) for one in found)]


def _as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def address_text(address: Any) -> str:
    """One of Twisted's addresses: `127.0.0.1:8000`, `[::1]:8000` or `unix:/run/x.sock`."""
    if not hasattr(address, "port"):
        return f"unix:{os.fsdecode(address.name or b'')}"
    return host_and_port(address.host, address.port)


def host_and_port(host: str, port: int) -> str:
    return f"{_as_host(host)}:{port}"


def name_of(protocol: Any) -> str:
    """A client's address and port, as its proxy names them if there is one."""
    client = getattr(protocol, "client_addr", None)
    return host_and_port(*client) if client else address_text(protocol.transport.getPeer())
