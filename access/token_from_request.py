"""How a client presents its token: in a header, as a subprotocol, or in the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

#: The characters of a token as HTTP and WebSocket subprotocols know it (RFC 9110, 5.6.2).
_CHARACTERS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_BETWEEN = re.compile(r"[\s,:]+")

#: The detail sent to a client without a valid token.
REFUSAL = "无效或过期的访问令牌"


@dataclass(frozen=True, slots=True)
class Presented:
    """The token a client presented, if any, and the subprotocol to answer with."""

    token: str | None = field(default=None, repr=False)
    subprotocol: str | None = None


def bearer(header: str) -> str | None:
    """The token of an `Authorization` header; None if it holds something else."""
    scheme, _, token = header.strip().partition(" ")
    return _token(token.strip()) if scheme.lower() == "bearer" else None


def _token(text: str) -> str | None:
    """`text`, if it can be a token; the name of the scheme alone is none."""
    return text if _CHARACTERS.fullmatch(text) and text.lower() != "bearer" else None


def from_subprotocols(offered: str) -> Presented:
    """The token in `Sec-WebSocket-Protocol`: after `bearer` or `Authorization`, in the forms that clients send.

    They send it as the next subprotocol, with or without `Bearer` before it, or write all of it like a header's line.
    The answer is the first subprotocol offered, whole, because a client accepts no other.
    """
    name, *words = _BETWEEN.split(offered.strip())
    if name.lower() not in ("bearer", "authorization"):
        return Presented()
    if name.lower() == "authorization" and words and words[0].lower() == "bearer":
        del words[0]
    return Presented(_token(words[0]) if words else None, offered.partition(",")[0].strip())


def presented(scope: Mapping[str, Any]) -> Presented:
    """The token presented by the client of an ASGI websocket scope.

    The header counts before the subprotocol, and the subprotocol before the query. The answer names the subprotocol in
    any case, because a browser that offered one needs it in the answer.
    """
    # From the header itself: `scope["subprotocols"]` is percent-decoded, and only what was offered may be answered.
    offered = from_subprotocols(",".join(_headers(scope, b"sec-websocket-protocol")))
    headers = _headers(scope, b"authorization")
    query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    token = (bearer(headers[0]) if headers else None) or offered.token or (_token(query[0]) if query else None)
    return Presented(token, offered.subprotocol)


def _headers(scope: Mapping[str, Any], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
