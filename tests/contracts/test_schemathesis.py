"""Requests of every kind, good and bad, that are made of the OpenAPI document, against a real server with a recording.

Every answer must be described: its status, its content type, its headers and its schema; none is a 500, bad values are
refused, and good ones are taken.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from contracts.openapi import openapi
from tests.examples import at_most
from tests.processes import PATIENCE_SECONDS, Live

#: A stream does not end; what it takes is asked for in tests/contracts/test_asyncapi.py.
_ENDLESS = "/stream"
#: Whether these take a value depends on what is recorded: a segment, a strategy, a backtest of that name.
_BY_CONTENT = {"/segment/{kind}/{name}", "/segment/{name}", "/api/v1/backtests", "/api/v1/backtests/{backtest_id}"}
#: Of these the second must not be below the first, or they exclude each other, which a schema cannot say.
_PAIRS = (("t0", "t1"), ("from", "to"), ("after_t", "before_t"))
#: Too much to be read is refused before it is known what it is for, by statuses that schemathesis takes for consent.
_TOO_LONG = {414, 431}

DOCUMENT = openapi()


def _can_be_wrong(operation: dict[str, Any]) -> bool:
    """Whether there is anything but headers, which are free texts."""
    shared = DOCUMENT["components"]["parameters"]
    parts = [
        shared[part["$ref"].split("/")[-1]] if "$ref" in part else part for part in operation.get("parameters", [])
    ]
    return any(part["in"] != "header" for part in parts) or "requestBody" in operation


CASES = [
    (method, path, mode)
    for mode in ("positive", "negative")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if path != _ENDLESS and method in ("get", "post", "delete") and (mode == "positive" or _can_be_wrong(operation))
]


def _is_one_request(path: str, query: dict[str, Any]) -> bool:
    """Whether these values, each of them good, are good together."""
    if path == "/export" and "resolution" in query and query.get("kind") != "bars":
        return False
    return not any(one in query and other in query for one, other in _PAIRS)


@pytest.fixture(scope="module")
def schema() -> Any:
    """The document as schemathesis reads it, which is loaded here alone, since it takes seconds of every worker."""
    import schemathesis

    return schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_requests_made_of_the_document(
    market: Live, token: str, schema: Any, method: str, path: str, mode: str
) -> None:
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

    operation = schema[path][method.upper()]
    headers = {"Authorization": f"Bearer {token}"} if "security" in operation.definition.raw else {}
    # Without its token each such path is asked in tests/contracts/test_http_answers.py; here it is never without.
    excluded = [ignored_auth, *([negative_data_rejection] if headers else [])]
    excluded += [positive_data_acceptance] if path in _BY_CONTENT else []

    @settings(max_examples=at_most(100) // 5, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    def ask(case: Any) -> None:
        if mode == "positive":
            assume(_is_one_request(path, case.query or {}))
        answer = case.call(base_url=market.url, headers=headers, timeout=PATIENCE_SECONDS)
        refused = [negative_data_rejection] if answer.status_code in _TOO_LONG else []
        case.validate_response(answer, excluded_checks=excluded + refused, headers=headers)

    ask()
