"""Whom a log line is about: the request or the connection for which the present code works."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

#: The id of the HTTP request, and that of the socket or stream of events; "" where there is none.
request_id: ContextVar[str] = ContextVar("request_id", default="")
connection_id: ContextVar[str] = ContextVar("connection_id", default="")

#: The header that names a request, from a trusted proxy and in every answer.
HEADER = "X-Request-ID"

_VALID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def new_id() -> str:
    """An id that no other request has."""
    return secrets.token_hex(8)


def told_id(values: list[bytes]) -> str | None:
    """The id in the lines of the header; None if there is none, more than one, or one that cannot be used."""
    told = values[0].decode("latin-1") if len(values) == 1 else ""
    return told if _VALID.fullmatch(told) else None


def ids() -> dict[str, str]:
    """The ids that belong to a line logged here, by the names of their fields."""
    found = {"request_id": request_id.get(), "connection_id": connection_id.get()}
    return {name: value for name, value in found.items() if value}
