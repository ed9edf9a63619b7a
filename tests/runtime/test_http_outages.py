"""What is logged of requests that find no database."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.db import DataError, InterfaceError, OperationalError
from django.test import RequestFactory

from igsite.log_limits import FewUnavailable
from igsite.settings import LOGGING
from runtime.http_errors import JsonErrors, outages, tell_of_cut
from runtime.unavailable import Unavailable


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    outages.addHandler(handler)
    yield handler
    outages.removeHandler(handler)


@pytest.mark.parametrize("error", [OperationalError("connection refused"), InterfaceError("connection is closed")])
def test_an_unavailable_database_is_one_line_without_a_traceback(
    error: Exception, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    response = JsonErrors(lambda request: None).process_exception(RequestFactory().get("/disk"), error)
    assert response is not None
    assert response.status_code == 503
    (record,) = kept.records
    assert record.getMessage() == f"GET /disk: the database is unavailable: {error}"
    assert record.exc_info is None
    assert not [one for one in caplog.records if one.name == "runtime.http_errors"]


@pytest.mark.parametrize("error", [Unavailable("the bucket is away"), OperationalError("gone"), InterfaceError("shut")])
def test_an_answer_that_an_outage_ends_early_is_one_line_too(
    error: Exception, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    tell_of_cut("/range", error)
    (record,) = kept.records
    assert (record.getMessage(), record.exc_info) == (f"/range ends early: {error}", None)
    assert not [one for one in caplog.records if one.name == "runtime.http_errors"]


def test_a_fault_in_an_answer_has_its_traceback(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    tell_of_cut("/range", KeyError("t"))
    (record,) = [one for one in caplog.records if one.name == "runtime.http_errors"]
    assert record.getMessage() == "the application failed on /range"
    assert record.exc_info is not None
    assert not kept.records


def test_a_value_that_the_database_does_not_take_is_the_fault_of_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    error = DataError('invalid regular expression\nLINE 1: SELECT secret FROM "token"')
    request = RequestFactory().get("/admin/access/auditentry/?action=%00", headers={"accept": "text/html"})
    response = JsonErrors(lambda request: None).process_exception(request, error)
    assert response is not None
    assert (response.status_code, b'"bad_request"' in response.content) == (400, True)
    (record,) = [one for one in caplog.records if one.name == "runtime.http_errors"]
    assert record.getMessage().endswith("a value that the database does not take: invalid regular expression")
    assert record.exc_info is None


def test_lines_of_an_outage_are_few() -> None:
    assert LOGGING["loggers"]["runtime.http_errors.outages"] == {"handlers": ["outages"], "propagate": False}
    assert LOGGING["handlers"]["outages"]["filters"] == ["few_outages"]


def answered(status: int) -> logging.LogRecord:
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "Service Unavailable: /disk", (), None)
    record.status_code = status
    return record


def test_of_answers_only_those_of_an_outage_are_few() -> None:
    now = [0.0]
    few = FewUnavailable(lambda: now[0])
    assert [few.filter(answered(status)) for status in (503, 503, 500, 500, 503)] == [True, False, True, True, False]
    now[0] = 11.0
    record = answered(503)
    assert few.filter(record)
    assert "2 more" in record.getMessage()
