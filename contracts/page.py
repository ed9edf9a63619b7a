"""What the page `/docs/` shows: the documents as rows of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from contracts.answers import EVERYWHERE
from contracts.asyncapi import closes
from contracts.channels import CHANNELS, Channel
from contracts.errors import CLOSE_CODES, CODES
from contracts.openapi import openapi
from contracts.schemas import Schema

_CODE = re.compile(r"`([^`]+)`")
_REF = "#/components/schemas/"


class Row(NamedTuple):
    """A field or parameter: its name, where it is, whether it must be there, its type, and what it is."""

    name: str
    where: str
    required: bool
    type: SafeString
    text: SafeString


def prose(text: str) -> SafeString:
    """A sentence with its code marked as such."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", conditional_escape(text)))


def type_of(schema: Schema) -> SafeString:
    """The type in short; another schema's is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return mark_safe(f'<a href="#{name}">{name}</a>')
    if "oneOf" in schema:
        return mark_safe(" | ".join(type_of(one) for one in schema["oneOf"]))
    if schema.get("type") == "array" and "items" in schema:
        return mark_safe(f"[{type_of(schema['items'])}]")
    return _plain(schema)


def _plain(schema: Schema) -> SafeString:
    if "const" in schema:
        return prose(f"`{schema['const']}`")
    if "enum" in schema:
        return prose(" ".join(f"`{value}`" for value in schema["enum"]))
    types = schema.get("type", "any")
    shown = types if isinstance(types, str) else " | ".join(types)
    shown = f"{shown} ({schema['format']})" if "format" in schema else shown
    return prose(" ".join([shown, *_bounds(schema)]))


def _bounds(schema: Schema) -> Iterator[str]:
    if "minimum" in schema and "maximum" in schema:
        yield f"{schema['minimum']:,} … {schema['maximum']:,}"
    else:
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
            if name in schema:
                yield f"{sign} {schema[name]:,}"
    if "default" in schema:
        yield f"(default {schema['default']})"


def fields(schema: Schema, prefix: str = "") -> Iterator[Row]:
    """A row for each field of a schema, those of objects in it too."""
    if schema.get("type") == "array":
        yield from fields(schema["items"], f"{prefix}[].")
        return
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        yield Row(f"{prefix}{name}", "", name in required, type_of(part), prose(part.get("description", "")))
        yield from _inner(part, f"{prefix}{name}")


def _inner(schema: Schema, name: str) -> Iterator[Row]:
    if schema.get("type") == "array" and "items" in schema:
        yield from _inner(schema["items"], f"{name}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from fields(schema["additionalProperties"], f"{name}.*.")
    else:
        yield from fields(schema, f"{name}.")


def _parameters(document: dict[str, Any], operation: dict[str, Any]) -> list[Row]:
    shared = document["components"]["parameters"]
    told = [shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation.get("parameters", ())]
    return [
        Row(one["name"], one["in"], one.get("required", False), type_of(one["schema"]), prose(one["description"]))
        for one in told
    ]


def _answer(status: str, told: dict[str, Any]) -> dict[str, Any]:
    bodies = [
        {"media": media, "type": type_of(one["schema"]) if "schema" in one else ""}
        for media, one in told.get("content", {}).items()
    ]
    return {
        "status": status,
        "text": prose(told["description"]),
        "headers": list(told.get("headers", {})),
        "bodies": bodies,
    }


def _operation(document: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> dict[str, Any]:
    responses = document["components"]["responses"]
    answers, codes = [], []
    for status, one in told["responses"].items():
        if "$ref" in one:
            codes += [(code, status) for code in responses[one["$ref"].rpartition("/")[2]]["x-codes"]]
        else:
            answers.append(_answer(status, one))
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": told["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": prose(told["summary"]),
        "text": prose(told.get("description", "")),
        "token": "security" in told,
        "parameters": _parameters(document, told),
        "body": list(fields(body)) if body else [],
        "answers": answers,
        "errors": [(code, status) for code, status in codes if code not in EVERYWHERE],
    }


def _tags(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tag in document["tags"]:
        found = [
            _operation(document, path, method, told)
            for path, methods in document["paths"].items()
            for method, told in methods.items()
            if method != "head" and told["tags"] == [tag["name"]]
        ]
        anchor = tag["name"].lower().replace(" ", "-")
        yield {"name": tag["name"], "anchor": anchor, "text": prose(tag["description"]), "operations": found}


def _schemas(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "text": prose(schema.get("description", "")), "rows": list(fields(schema))}
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "address": channel.address,
        "method": "GET" if channel.protocol == "http" else "WS",
        "title": channel.title,
        "text": prose(channel.text),
        "token": channel.has_token,
        "parameters": [
            Row(one["name"], one["in"], False, type_of(one["schema"]), prose(one["description"]))
            for one in channel.parameters
        ],
        "sends": _messages(channel.schemas()),
        "takes": _messages(channel.takes),
        "limits": [prose(text) for text in channel.limits],
        "errors": channel.errors,
        "closes": [(code, prose(CLOSE_CODES[code])) for code in closes(channel)] if channel.protocol == "ws" else [],
    }


def _messages(told: dict[str, Schema]) -> list[dict[str, Any]]:
    return [
        {"name": name, "text": prose(schema["description"]), "type": _payload(schema), "rows": list(fields(schema))}
        for name, schema in told.items()
    ]


def _payload(schema: Schema) -> SafeString | str:
    """A link to the schema of a message that is told elsewhere."""
    return (
        type_of({name: schema[name] for name in ("$ref", "items", "type") if name in schema})
        if ("$ref" in schema or schema.get("type") == "array")
        else ""
    )


@cache
def reference() -> dict[str, Any]:
    """What the template shows, but for what depends on the visitor."""
    document = openapi()
    return {
        "version": document["info"]["version"],
        "about": [prose(part) for part in document["info"]["description"].split("\n\n")],
        "token_text": prose(document["components"]["securitySchemes"]["bearer"]["description"]),
        "tags": list(_tags(document)),
        "channels": [_channel(one) for one in CHANNELS],
        "schemas": _schemas(document),
        "errors": [
            {"code": code, "statuses": one.statuses, "text": prose(one.when), "everywhere": code in EVERYWHERE}
            for code, one in CODES.items()
        ],
    }
