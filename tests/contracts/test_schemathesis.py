"""Requests of every kind, good and bad, that are made of the OpenAPI document, against a real server with a recording.

Every answer must be described: its status, its content type, its headers and its schema; none is a 500, bad values are
refused, and good ones are taken.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

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

OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(openapi()).get_all_operations()]
TRIED = [one for one in OPERATIONS if one.path != _ENDLESS and one.method in ("get", "post", "delete")]


def _needs_token(operation: Any) -> bool:
    return "security" in operation.definition.raw


def _can_be_wrong(operation: Any) -> bool:
    """Whether there is anything but headers, which are free texts."""
    told = [part.location for part in operation.iter_parameters()]
    return any(location != "header" for location in told) or "requestBody" in operation.definition.raw


def _is_one_request(path: str, query: dict[str, Any]) -> bool:
    """Whether these values, each of them good, are good together."""
    if path == "/export" and "resolution" in query and query.get("kind") != "bars":
        return False
    return not any(one in query and other in query for one, other in _PAIRS)


CASES = [(one, GenerationMode.POSITIVE) for one in TRIED]
CASES += [(one, GenerationMode.NEGATIVE) for one in TRIED if _can_be_wrong(one)]


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda part: getattr(part, "label", None) or part.value)
def test_requests_made_of_the_document(market: Live, token: str, operation: Any, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {token}"} if _needs_token(operation) else {}
    # Without its token each such path is asked in tests/contracts/test_http_answers.py; here it is never without.
    excluded = [ignored_auth, *([negative_data_rejection] if headers else [])]
    excluded += [positive_data_acceptance] if operation.path in _BY_CONTENT else []

    @settings(max_examples=at_most(100) // 5, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            assume(_is_one_request(operation.path, case.query or {}))
        answer = case.call(base_url=market.url, headers=headers, timeout=PATIENCE_SECONDS)
        refused = [negative_data_rejection] if answer.status_code in _TOO_LONG else []
        case.validate_response(answer, excluded_checks=excluded + refused, headers=headers)

    ask()
