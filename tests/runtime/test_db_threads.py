"""Asking the database: through whatever it does meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from recorder.models import Market
from runtime import db_threads
from runtime.db_threads import detached, persistently, reading


class Breaking:
    """A query whose first connections have broken."""

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.left:
            raise OperationalError("server closed the connection unexpectedly")
        return "an answer"


@pytest.fixture
def closings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One for each time that a thread's connections were closed."""
    found: list[Any] = []
    monkeypatch.setattr(db_threads, "close_connections", lambda: found.append(None))
    return found


class DriverBreaking(Breaking):
    """One whose driver says so itself, as it does to Django's iterators when they close a cursor."""

    def __call__(self) -> str:
        try:
            return super().__call__()
        except OperationalError as error:
            raise connection.Database.OperationalError(*error.args) from None


@pytest.mark.parametrize("keep_open", [False, True])
def test_what_the_driver_says_itself_is_understood(closings: list[Any], keep_open: bool) -> None:
    with pytest.raises(OperationalError):
        detached(DriverBreaking(1))
    assert reading(DriverBreaking(1)) == "an answer"
    told = persistently(DriverBreaking(2), "a job", pause=lambda seconds: None, keep_open=keep_open)
    assert told == "an answer"


def test_a_connection_that_has_broken_is_made_anew(closings: list[Any]) -> None:
    query = Breaking(1)
    assert detached(lambda: reading(query)) == "an answer"
    assert (query.asked, len(closings)) == (2, 2)


def test_none_is_left_open_whatever_came_of_it(closings: list[Any]) -> None:
    query = Breaking(9)
    with pytest.raises(OperationalError):
        detached(lambda: reading(query))
    assert query.asked == 2
    assert len(closings) == 2, "before the second attempt, and at the end"


def test_a_job_is_repeated_until_the_database_is_available(
    closings: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    assert persistently(Breaking(7), "a job", pause=pauses.append) == "an answer"
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0]
    assert len(closings) >= 8, "each attempt is on a connection of its own"
    assert [record.message for record in caplog.records] == [
        "a job: the database is unavailable, trying again: server closed the connection unexpectedly",
        "a job: the database is available again",
    ]


def test_a_job_that_was_perhaps_done_is_told_so(closings: list[Any]) -> None:
    assert persistently(Breaking(1), "a job", again=lambda: "done before", pause=lambda _: None) == "done before"
    assert persistently(Breaking(0), "a job", again=lambda: "done before") == "an answer"


@pytest.mark.parametrize(
    ("options", "asked"),
    [({"seconds": 0.0}, 1), ({"seconds": 60, "pause": lambda _: True}, 1)],
    ids=["the time is over", "told to end"],
)
def test_a_job_is_given_up_in_the_end(closings: list[Any], options: dict[str, Any], asked: int) -> None:
    job = Breaking(99)
    with pytest.raises(OperationalError):
        persistently(job, "a job", **options)
    assert job.asked == asked


def test_what_no_outage_raises_is_not_repeated(closings: list[Any]) -> None:
    def refused() -> None:
        raise IntegrityError("UNIQUE constraint failed")

    with pytest.raises(IntegrityError):
        persistently(refused, "a job", pause=pytest.fail)
    assert closings


@pytest.mark.django_db
def test_a_transaction_of_the_caller_is_left_alone() -> None:
    with transaction.atomic():
        assert persistently(Market.objects.count, "a job") == 0
        with pytest.raises(OperationalError):
            persistently(Breaking(1), "a job", pause=pytest.fail)
        assert Market.objects.create(symbol="A").pk


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_left_open_unless_it_is_to_be() -> None:
    assert persistently(Market.objects.count, "a job") == 0
    assert connection.connection is None
    assert persistently(Market.objects.count, "a job", keep_open=True) == 0
    assert connection.connection is not None
