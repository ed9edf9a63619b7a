"""The AsyncAPI document: the sockets, and the stream of events."""

from __future__ import annotations

from typing import Any

from contracts.bodies import BODIES
from contracts.channels import CHANNELS, Channel, query_schema
from contracts.errors import CLOSE_CODES
from contracts.openapi import BEARER
from contracts.schemas import Schema
from streaming.http.views import VERSION

_ABOUT = """What is sent and what is taken on each socket, and the events of `GET /stream`. `send` is what the server \
sends. `x-errors` has the codes of error messages with the close code that follows, null where the connection stays \
open; `x-close-codes` every close code."""

#: What the messages of the stream refer to.
_SHARED = ("Tick", "Metric", "Frame")

_SECURITY = {
    "bearer": BEARER,
    "subprotocol": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "The subprotocols `bearer` and the token, as browsers can send them.",
    },
    "query": {"type": "httpApiKey", "in": "query", "name": "token", "description": "As `?token=`."},
}


def asyncapi(host: str, *, is_secure: bool) -> dict[str, Any]:
    """The document of a server that is asked by this name."""
    end = "s" if is_secure else ""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Market Camera", "version": VERSION, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "ws": {"host": host, "protocol": f"ws{end}", "description": "Sockets."},
            "http": {"host": host, "protocol": f"http{end}", "description": "Server-sent events."},
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {name: one for channel in CHANNELS for name, one in _operations(channel).items()},
        "components": {
            "schemas": {name: BODIES[name] for name in _SHARED},
            "messages": {key: one for channel in CHANNELS for key, one in _messages(channel).items()},
            "securitySchemes": _SECURITY,
        },
    }


def _key(channel: Channel, name: str, *, sent: bool) -> str:
    """The name of a message in the document: a ping and a replay go both ways on some sockets."""
    return f"{channel.name}_{'' if sent else 'to_'}{name}"


def _messages(channel: Channel) -> dict[str, Any]:
    sent = {_key(channel, name, sent=True): _message(name, one) for name, one in channel.schemas().items()}
    return sent | {_key(channel, name, sent=False): _message(name, one) for name, one in channel.takes.items()}


def _message(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "summary": schema["description"], "payload": schema}


def _channel(channel: Channel) -> dict[str, Any]:
    told = {
        "address": channel.address,
        "title": channel.title,
        "description": "\n\n".join((channel.text, *channel.limits)),
        "servers": [{"$ref": f"#/servers/{channel.protocol}"}],
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in _messages(channel)},
        "x-errors": [{"code": code, "close": close} for code, close in channel.errors],
        "x-close-codes": {str(code): CLOSE_CODES[code] for code in closes(channel)},
    }
    if channel.protocol == "ws":
        told["bindings"] = {"ws": {"method": "GET", "query": query_schema(channel)}}
    return told


def closes(channel: Channel) -> list[int]:
    """Every close code of a channel."""
    return sorted({*channel.closes, *(close for _, close in channel.errors if close is not None)})


def _operations(channel: Channel) -> dict[str, Any]:
    found: dict[str, Any] = {f"{channel.name}Send": _operation(channel, "send", channel.schemas())}
    if channel.takes:
        found[f"{channel.name}Receive"] = _operation(channel, "receive", channel.takes)
    return found


def _operation(channel: Channel, action: str, told: dict[str, Schema]) -> dict[str, Any]:
    keys = [_key(channel, name, sent=action == "send") for name in told]
    one: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": "What the server sends." if action == "send" else "What a client may send.",
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{key}"} for key in keys],
    }
    if channel.has_token:
        one["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY]
    if channel.protocol == "http":
        one["bindings"] = {"http": {"method": "GET", "query": query_schema(channel), "bindingVersion": "0.3.0"}}
    return one
