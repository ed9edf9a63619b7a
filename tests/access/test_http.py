"""Views that ask for a token."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.test import RequestFactory

from access import http
from access.http import token_required
from access.tokens import Checked, check, issue
from runtime.http_errors import HttpError


@token_required
async def view(request: HttpRequest, word: str) -> JsonResponse:
    return JsonResponse({"name": request.token.name, "word": word})  # type: ignore[attr-defined]


def ask(**headers: str) -> Any:
    return asyncio.run(view(RequestFactory().get("/x", headers=headers), "hello"))  # type: ignore[arg-type]


def refusal(**headers: str) -> HttpError:
    with pytest.raises(HttpError) as refused:
        ask(**headers)
    return refused.value


@pytest.mark.django_db(transaction=True)
def test_a_valid_token_lets_in() -> None:
    _, text = issue("robot")
    assert json.loads(ask(authorization=f"Bearer {text}").content) == {"name": "robot", "word": "hello"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic abc"])
def test_without_one_the_answer_is_401(header: str) -> None:
    refused = refusal(authorization=header)
    assert (refused.status, refused.code, refused.message) == (401, "authentication_failed", "无效或过期的访问令牌")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_broken_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = issue("robot")
    asked = []

    def broken_once(text: str | None) -> Checked:
        asked.append(text)
        if len(asked) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return check(text)

    monkeypatch.setattr(http, "check", broken_once)
    assert json.loads(ask(authorization=f"Bearer {text}").content)["name"] == "robot"
    assert len(asked) == 2


def test_while_the_database_is_away_the_answer_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(text: str | None) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr(http, "check", away)
    assert refusal(authorization="Bearer x").status == 503
