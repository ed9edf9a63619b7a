"""The documents as judges: whether what a server sent is what they say, with no field that they do not name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from contracts.answers import HEADERS
from contracts.openapi import openapi
from tests.processes import Answer

#: Headers of the transport, of security and of caches, which every server may send.
_OF_HTTP = {
    *("content-type", "content-length", "cache-control", "vary", "server", "date", "transfer-encoding", "connection"),
    *("x-frame-options", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy"),
    *("content-security-policy", "trailer", "x-accel-buffering", "set-cookie", "access-control-allow-origin"),
    *("access-control-expose-headers", "content-language", "x-request-id"),
}


def closed(schema: Any) -> Any:
    """The schema, with no further field in any object that names its own."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: closed(part) for name, part in schema.items()}
    if "properties" in told and isinstance(told["properties"], dict) and told.get("type") == "object":
        told.setdefault("additionalProperties", False)
    return told


@cache
def _components(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = closed(deepcopy(openapi()["components"][kind]))
    return found


def validate(value: Any, schema: dict[str, Any]) -> None:
    """Raises jsonschema.ValidationError where the value is not what the schema says, or is more."""
    import jsonschema  # here, since it takes seconds of every worker to load

    whole = {**closed(schema), "components": {"schemas": _components("schemas")}}
    jsonschema.Draft202012Validator(whole).validate(value)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference of the OpenAPI document refers to."""
    found: Any = part
    if "$ref" in part:
        found = openapi()
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return dict(found)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of each."""
    for path, methods in openapi()["paths"].items():
        for method, told in methods.items():
            yield path, method.upper(), told


def check(method: str, path: str, answer: Answer) -> tuple[str, str, int]:
    """Judge the answer to a request to a described path; what was seen."""
    told = openapi()["paths"][path][method.lower()]["responses"]
    assert str(answer.status) in told, f"{method} {path} answered {answer.status}: {answer.body[:300]!r}"
    described = resolved(told[str(answer.status)])
    _check_headers(answer, described)
    content = described.get("content", {})
    if method != "HEAD" and content:
        _check_body(answer, content)
    else:
        assert not answer.body
    return path, method, answer.status


def _check_headers(answer: Answer, described: dict[str, Any]) -> None:
    sent = {name.lower() for name in answer.headers}
    known = {name.lower() for name in described.get("headers", {})}
    assert sent <= known | _OF_HTTP, f"undescribed headers: {sent - known - _OF_HTTP}"
    for name in described.get("headers", {}):
        assert name in HEADERS
        assert name.lower() in sent or not openapi()["components"]["headers"][name].get("required"), name


def _check_body(answer: Answer, content: dict[str, Any]) -> None:
    media = answer.headers["Content-Type"]
    assert media in content, f"{media} is none of {list(content)}"
    schema = content[media].get("schema")
    if media == "application/json":
        validate(answer.json(), schema)
    elif media == "application/x-ndjson":
        check_lines(answer.body.splitlines())


def check_lines(lines: Iterable[bytes]) -> None:
    """Each line is a message or tells a gap."""
    names = {"tick": "Tick", "metric": "Metric", "frame": "Frame", "gap": "GapLine"}
    for line in lines:
        message = json.loads(line)
        validate(message, {"$ref": f"#/components/schemas/{names[message['type']]}"})


def template_of(route: str) -> str:
    """A route of Django as the document writes it."""
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
