"""The headers for which the server trusts proxies, as options of `server.server.Server`."""

from __future__ import annotations

from typing import Any

from igsite.config import Config


def proxy_options(
    config: Config, *, asked: bool = False, header: str | None = None, port_header: str | None = None
) -> dict[str, Any]:
    """Options that take address, port and scheme of clients from the headers of trusted proxies.

    They do so if `asked`, and with IG_TLS, because only proxies know that TLS is in front. `header` and `port_header`
    replace the usual headers.
    """
    header = header or config.forwarded_header
    believed = asked or (config.tls and bool(config.trusted_proxies))
    return {
        "trusted_proxies": config.trusted_proxies,
        "forwarded_header": header.lower() if header else None,
        "proxy_forwarded_address_header": (header or "X-Forwarded-For") if believed else None,
        "proxy_forwarded_port_header": (port_header or "X-Forwarded-Port") if believed else None,
        "proxy_forwarded_proto_header": "X-Forwarded-Proto" if believed else None,
    }
