"""Work on each of several things goes on behind one that fails, and ends where all would fail alike."""

from __future__ import annotations

import pytest
from django.db import DataError, OperationalError

from runtime.each import sum_of_each
from runtime.unavailable import Unavailable


class Work:
    """It notes what it is given; `errors` are those of some things."""

    def __init__(self, **errors: Exception) -> None:
        self.errors, self.done = errors, list[str]()

    def __call__(self, one: str) -> int:
        self.done.append(one)
        if one in self.errors:
            raise self.errors[one]
        return 2


def test_what_each_returns_is_summed_up() -> None:
    assert sum_of_each("ABC", Work()) == 6
    assert sum_of_each("", Work()) == 0


def test_the_others_are_done_and_then_the_first_error_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(A=OSError("no room"), C=DataError("too long"))
    with pytest.raises(OSError, match="no room"):
        sum_of_each("ABCD", work)
    assert work.done == list("ABCD")
    assert [record.getMessage() for record in caplog.records] == ["A: OSError: no room", "C: DataError: too long"]


@pytest.mark.parametrize("error", [OperationalError("away"), Unavailable("away")])
def test_what_is_away_for_all_is_not_waited_for_by_each(error: Exception) -> None:
    work = Work(B=error)
    with pytest.raises(type(error), match="away"):
        sum_of_each("ABC", work)
    assert work.done == ["A", "B"]
