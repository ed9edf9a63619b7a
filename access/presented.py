"""How a client presents its token: in a header, as a subprotocol, or in the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

#: What is said to whoever presented no valid one.
REFUSAL = "无效或过期的访问令牌"


@dataclass(frozen=True, slots=True)
class Presented:
    """The token a client presented, if any, and the subprotocol to answer with."""

    token: str | None = field(default=None, repr=False)
    subprotocol: str | None = None


def bearer(header: str) -> str | None:
    """The token of an `Authorization` header; None where it holds something else."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def from_subprotocols(offered: Sequence[str]) -> Presented:
    """The pair `bearer, <token>`, or `Authorization, Bearer <token>` as some clients send it."""
    if len(offered) < 2:
        return Presented()
    name = offered[0].lower()
    if name == "bearer":
        return Presented(offered[1].strip() or None, offered[0])
    if name == "authorization":
        return Presented(bearer(offered[1]), offered[0])
    return Presented()


def presented(scope: Mapping[str, Any]) -> Presented:
    """What the client of an ASGI websocket scope presented.

    The header counts before the subprotocol, and that before the query; the answer names the subprotocol in any case,
    since a browser that offered one wants it answered.
    """
    # From the header itself: `scope["subprotocols"]` is percent-decoded, and only what was offered may be answered.
    protocols = ",".join(_headers(scope, b"sec-websocket-protocol"))
    offered = from_subprotocols([part.strip() for part in protocols.split(",")])
    headers = _headers(scope, b"authorization")
    query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    token = (bearer(headers[0]) if headers else None) or offered.token or (query[0] if query else None)
    return Presented(token, offered.subprotocol)


def _headers(scope: Mapping[str, Any], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
