"""Operations of HTTP paths, as the documents' data say them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.answers import EVERYWHERE, Answer, errors
from contracts.parameters import SHARED, Parameter
from contracts.schemas import TEXT, Schema

Operation = dict[str, Any]

HTML = "text/html; charset=utf-8"

#: The parts of the document, in its order.
PAGES, STATE, RECORDING, MARKET, ACCOUNT = "Pages", "State", "Recording", "Market", "With a token"
TAGS = {
    STATE: "How the server and its markets are.",
    RECORDING: "What was recorded, in the messages, files and sums of it. Public.",
    MARKET: "Prices and what they show. Public.",
    ACCOUNT: "What needs a token in the header `Authorization: Bearer …`; its scopes say what it permits.",
    PAGES: "For people, and what a browser asks for beside them.",
}


def operation(
    name: str,
    tag: str,
    summary: str,
    answers: dict[int, Answer],
    *,
    parameters: Iterable[Parameter] = (),
    errors_of_its_own: Iterable[str] = (),
    text: str = "",
    body: Schema | None = None,
    at: dict[str, int] | None = None,
) -> Operation:
    """An operation with all its answers, those of every path too; `at` is for codes that come with another status."""
    told: Operation = {"operationId": name, "tags": [tag], "summary": summary}
    if text:
        told["description"] = text
    if listed := [_by_ref(one) for one in parameters]:
        told["parameters"] = listed
    if body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if tag == ACCOUNT:
        told["security"] = [{"bearer": []}]
        errors_of_its_own = (*errors_of_its_own, "authentication_failed", "insufficient_scope")
    good = {str(status): one for status, one in answers.items()}
    told["responses"] = good | {
        status: one for status, one in errors((*errors_of_its_own, *EVERYWHERE), at or {}).items() if status not in good
    }
    return told


def _by_ref(parameter: Parameter) -> Parameter:
    """A parameter that several paths share is told once."""
    for name, shared in SHARED.items():
        if parameter is shared:
            return {"$ref": f"#/components/parameters/{name}"}
    return parameter


def of_page(told: Operation) -> Operation:
    """The same of a page: to a browser an error is a page, too."""
    for one in told["responses"].values():
        one["content"] = {**one["content"], HTML: {"schema": TEXT}}
    return told


def of_head(get: Operation) -> Operation:
    """The same for HEAD: no answer has a body, and ranges are ignored (RFC 9110, 14.2)."""
    answers = {
        status: {name: part for name, part in one.items() if name != "content"}
        for status, one in get["responses"].items()
        if status not in ("206", "416")
    }
    name = get["operationId"]
    return {
        **get,
        "operationId": f"head{name[0].upper()}{name[1:]}",
        "summary": f"{get['summary']} Its headers alone.",
        "responses": answers,
    }
