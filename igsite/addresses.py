"""Where the server listens, and addresses as people write them."""

from __future__ import annotations

import os
import socket
from typing import Any

from daphne.endpoints import build_endpoint_description_strings


def endpoints(
    host: str | None = None,
    port: int | None = None,
    unix_socket: str | None = None,
    file_descriptor: int | None = None,
) -> list[str]:
    """Where to listen, as descriptions of Twisted endpoints.

    A port without a host means all of IPv4, and by IPv6 this machine alone: some look for `localhost` only
    there. (All of IPv6 would take one socket for both, where IPv4 clients appear by mapped addresses.)
    """
    hosts = [host] if host else ["0.0.0.0", *(["::1"] if _has_ipv6() else [])]
    found: list[str] = []
    for each in hosts if port is not None else []:
        found += build_endpoint_description_strings(each, port)
    found += build_endpoint_description_strings(unix_socket=unix_socket, file_descriptor=file_descriptor)
    return found


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
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
