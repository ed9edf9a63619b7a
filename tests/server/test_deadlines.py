"""Whose time is up."""

from __future__ import annotations

from server.admission.deadlines import Deadline, Deadlines


def test_what_is_missed_is_told_once_in_the_order_in_which_it_was_due() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10, Deadline.IDLE: 60})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.begin("b", Deadline.HEAD, 1)
    deadlines.begin("c", Deadline.IDLE, 2)
    assert [*deadlines.missed(9.9)] == []
    assert [*deadlines.missed(11)] == [("a", Deadline.HEAD), ("b", Deadline.HEAD)]
    assert [*deadlines.missed(100)] == [("c", Deadline.IDLE)]
    assert deadlines.due_on("c") is None


def test_what_is_due_anew_begins_anew_and_replaces_what_was() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10, Deadline.IDLE: 60})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.begin("a", Deadline.IDLE, 5)
    assert deadlines.due_on("a") is Deadline.IDLE
    assert [*deadlines.missed(64)] == []
    deadlines.begin("a", Deadline.IDLE, 64)
    assert [*deadlines.missed(120)] == []
    assert [*deadlines.missed(124)] == [("a", Deadline.IDLE)]


def test_what_has_happened_is_not_missed() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.end("a")
    deadlines.end("a")
    assert [*deadlines.missed(100)] == []


def test_who_begins_anew_while_the_missed_are_told_is_not_told_again() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.BODY: 10})
    deadlines.begin("a", Deadline.BODY, 0)
    told = []
    for one, due in deadlines.missed(10):
        told.append(one)
        deadlines.begin(one, due, 10)
    assert told == ["a"]
    assert [*deadlines.missed(20)] == [("a", Deadline.BODY)]
