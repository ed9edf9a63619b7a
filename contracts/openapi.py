"""The OpenAPI document: every HTTP path outside the admin."""

from __future__ import annotations

from functools import cache
from typing import Any

from contracts import market_paths, paths
from contracts.answers import EVERYWHERE, HEADERS, Answer
from contracts.bodies import BODIES
from contracts.operations import HTML, TAGS, Operation, of_head
from contracts.parameters import SHARED
from contracts.paths import Paths
from streaming.http.views import VERSION

_ABOUT = """A market is filmed, streamed live, recorded for ever, and can be played again.

Reading is public, and CORS is open for it; what needs a token says so. Every error has one shape, `Error`. An answer \
that says 429 or 503 says in `Retry-After` when to come again. Every answer names its request in `X-Request-ID`, as \
the server's log does. Unknown query parameters are ignored, and of a repeated \
one the last counts, except on `/stream`. HEAD is answered as GET is, without a body, and OPTIONS as CORS asks."""

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token, issued in the admin or by `manage.py createtoken NAME`: `Authorization: Bearer mc_…`.",
}


def _methods(told: dict[str, Operation]) -> dict[str, Operation]:
    return {"get": told["get"], "head": of_head(told["get"]), **told}


def _with_responses(told: Paths) -> tuple[Paths, dict[str, Answer]]:
    """The paths with references to their errors, most of which are those of many, and these by name."""
    responses: dict[str, Answer] = {}

    def named(status: str, one: Answer, method: str) -> Answer:
        if "x-codes" not in one:
            return one
        name = _name(int(status), one["x-codes"]) + ("Head" if method == "head" else "")
        name += "Page" if HTML in one.get("content", {}) else ""
        responses[name] = one
        return {"$ref": f"#/components/responses/{name}"}

    def of(method: str, one: Operation) -> Operation:
        return {**one, "responses": {status: named(status, part, method) for status, part in one["responses"].items()}}

    paths = {path: {method: of(method, one) for method, one in methods.items()} for path, methods in told.items()}
    return paths, dict(sorted(responses.items()))


def _name(status: int, codes: list[str]) -> str:
    """A name of its own for each set of codes: the status, and what not every path can answer."""
    own = [code for code in codes if code not in EVERYWHERE]
    return f"Error{status}" + "".join(word.capitalize() for word in "_".join(own).split("_"))


@cache
def openapi() -> dict[str, Any]:
    """The document; nobody changes it."""
    told = {path: _methods(methods) for path, methods in (market_paths.PATHS | paths.PATHS).items()}
    served, responses = _with_responses(told)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Market Camera",
            "version": VERSION,
            "summary": "Every HTTP path, its parameters, answers and errors.",
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": served,
        "components": {
            "schemas": BODIES,
            "parameters": SHARED,
            "responses": responses,
            "headers": {
                name: {"description": text, "schema": schema, "required": name in ("Retry-After",)}
                for name, (text, schema) in HEADERS.items()
            },
            "securitySchemes": {"bearer": BEARER},
        },
    }
