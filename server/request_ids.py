"""The id of each request and socket: told by a trusted proxy or made here, in the answer and in every log line. And
whose they are."""

from __future__ import annotations

from typing import Any

from runtime.log_context import HEADER, connection_id, new_id, request_id, told_id
from runtime.waiting_line import client
from server.protocols.flow import innermost


def begin(protocol: Any, scope: dict[str, Any]) -> None:
    """Name what the present task serves. The id of a client itself counts for nothing: it could be another's."""
    values = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
    place = innermost(protocol.transport).place
    client.set(place.client)
    told = told_id(values) if place.is_proxy else None
    name = told or new_id()
    protocol.name_answer(name)
    request_id.set(name)
    if scope["type"] == "websocket" or protocol.is_stream:
        connection_id.set(new_id())
