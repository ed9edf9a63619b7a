"""The OpenAPI document: valid, of exactly what is served, and of exactly the codes that the code can send."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from contracts.answers import HEADERS
from contracts.errors import CODES
from contracts.openapi import openapi
from server.error_answer import code_of
from streaming.http.views import _ENDPOINTS
from tests.contracts.contract import operations, template_of
from tests.test_layers import LAYERS, ROOT

#: Headers that a page of another origin may read without being allowed to (the Fetch standard), or never needs.
_READABLE = {"Last-Modified", "Content-Language", "Location"}


def test_it_is_valid() -> None:
    from openapi_spec_validator import validate  # here, since it takes seconds of every worker to load

    validate(openapi())  # type: ignore[arg-type]


def served(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield template_of(route)
        elif route != "admin/":
            yield from served(pattern, route)


def test_every_path_is_described_and_every_described_path_is_served() -> None:
    assert sorted(openapi()["paths"]) == sorted(served(get_resolver()))


def test_the_description_of_the_server_names_every_path() -> None:
    named = {re.sub(r"\{ticks,.*\}", "{kind}", path) for path in _ENDPOINTS.values()}
    unnamed = {"/", "/favicon.ico", "/segment/{name}", "/api/v1/backtests/{backtest_id}"}
    assert set(openapi()["paths"]) - unnamed <= named


def test_names_of_operations_are_unique_and_head_is_taken_where_get_is() -> None:
    names = [told["operationId"] for _, _, told in operations()]
    assert len(names) == len(set(names))
    taken = {(path, method) for path, method, _ in operations()}
    assert {path for path, method in taken if method == "GET"} == {path for path, method in taken if method == "HEAD"}


def test_pages_of_other_origins_may_read_every_header_that_is_described() -> None:
    assert set(HEADERS) - _READABLE <= {*settings.CORS_EXPOSE_HEADERS}
    asked = {part["name"].lower() for part in openapi()["components"]["parameters"].values() if part["in"] == "header"}
    assert asked <= {*settings.CORS_ALLOW_HEADERS}


# -- codes

#: Where the code of an error stands among the arguments of what is called.
_PLACES = {"HttpError": 1, "StreamError": 0, "refuse": 1, "_refuse": 1}
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def _sent_by(path: Path) -> Iterator[str]:
    """The codes in a file: arguments of what makes errors, and names of them that are assigned."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            place = _PLACES.get(name)
            if place is not None and len(node.args) > place:
                yield from _texts(node.args[place])
            for given in node.keywords:
                if given.arg == "error":
                    yield from _texts(given.value)
        elif isinstance(node, ast.Assign):
            targets = node.targets[0]
            if isinstance(targets, ast.Name) and targets.id == "code":
                yield from _texts(node.value)
            elif isinstance(targets, ast.Tuple) and [one.id for one in targets.elts if isinstance(one, ast.Name)] == [
                "status",
                "code",
            ]:
                assert isinstance(node.value, ast.Tuple)
                yield from _texts(node.value.elts[1])
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            elements = node.value.elts
            if len(elements) == 3 and ast.unparse(elements[0]).startswith("HTTPStatus."):
                yield from _texts(elements[1])


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
        yield node.value


def test_every_code_that_can_be_sent_is_described_and_no_other() -> None:
    files = [path for package in LAYERS for path in (ROOT / package).rglob("*.py")]
    sent = {code for path in files for code in _sent_by(path)}
    # These are made of a status's phrase (server/protocols/http_request.py).
    sent |= {code_of(HTTPStatus(status).phrase) for status in (400, 500)}
    assert sent == set(CODES)


@pytest.mark.parametrize(("code", "one"), CODES.items())
def test_the_statuses_of_a_code_are_those_of_errors(code: str, one: tuple[str, tuple[int, ...]]) -> None:
    assert all(400 <= status < 600 for status in one[1])
