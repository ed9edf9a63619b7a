"""Work on each of several things goes on behind one that fails, and ends where all would fail alike."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import DataError, OperationalError

from runtime import each
from runtime.each import sum_in_time, sum_of_each
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


class Seconds:
    """Work that takes so many seconds for each thing, by a clock of its own; `given` is what each got of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **needed: float) -> None:
        self.needed, self.given, self.now = needed, dict.fromkeys(needed, 0.0), 0.0
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: self.now))

    def __call__(self, one: str, is_over: Callable[[], bool]) -> int:
        done = 0
        while self.given[one] < self.needed[one] and not is_over():
            self.given[one] += 1
            self.now += 1
            done += 1
        return done


@pytest.mark.parametrize("order", ["ABCD", "DCBA", "BADC"])
def test_time_is_shared_and_what_some_do_not_need_is_that_of_the_others(
    monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(each.random, "shuffle", lambda things: things.sort(key=order.index))
    work = Seconds(monkeypatch, A=1e9, B=3, C=1e9, D=0)
    assert sum_in_time("ABCD", work, 60) == 60 == work.now
    assert (work.given["B"], work.given["D"]) == (3, 0)
    assert min(work.given["A"], work.given["C"]) >= 60 / 4


def test_the_one_that_needs_time_has_all_of_it_whoever_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Seconds(monkeypatch, **dict.fromkeys("BCDEF", 0.0), A=1e9)
    assert sum_in_time(work.needed, work, 60) == 60 == work.given["A"]


def test_no_thing_is_always_behind_the_one_that_overruns_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Seconds(monkeypatch, A=1e9, B=1e9)

    def overrun(one: str, is_over: Callable[[], bool]) -> int:
        if not is_over():
            work.now += 100
            work.given[one] += 1
        return 0

    for _ in range(100):
        sum_in_time("AB", overrun, 60)
    assert min(work.given.values()) > 10, "by chance less once in 10**15"


def test_each_has_a_turn_where_there_is_no_time_at_all() -> None:
    turns: list[str] = []
    assert sum_in_time("ABC", lambda one, is_over: turns.append(one) or is_over(), 0) == 3
    assert sorted(turns) == ["A", "B", "C"]
