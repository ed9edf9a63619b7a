"""Whose time is up."""

from __future__ import annotations

from server.admission.deadlines import Deadline, Deadlines


def missed(deadlines: Deadlines[str], now: float) -> list[tuple[str, Deadline]]:
    """What two looks in a row find: after a leap the first judges by an earlier time."""
    return [*deadlines.missed(now), *deadlines.missed(now)]


def test_what_is_missed_is_told_once_in_the_order_in_which_it_was_due() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10, Deadline.IDLE: 60})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.begin("b", Deadline.HEAD, 1)
    deadlines.begin("c", Deadline.IDLE, 2)
    assert missed(deadlines, 9.9) == []
    assert missed(deadlines, 11) == [("a", Deadline.HEAD), ("b", Deadline.HEAD)]
    assert missed(deadlines, 100) == [("c", Deadline.IDLE)]
    assert deadlines.due_on("c") is None


def test_what_is_due_anew_begins_anew_and_replaces_what_was() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10, Deadline.IDLE: 60})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.begin("a", Deadline.IDLE, 5)
    assert deadlines.due_on("a") is Deadline.IDLE
    assert missed(deadlines, 64) == []
    deadlines.begin("a", Deadline.IDLE, 64)
    assert missed(deadlines, 120) == []
    assert missed(deadlines, 124) == [("a", Deadline.IDLE)]


def test_what_has_happened_is_not_missed() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10})
    deadlines.begin("a", Deadline.HEAD, 0)
    deadlines.end("a")
    deadlines.end("a")
    assert missed(deadlines, 100) == []


def test_who_begins_anew_while_the_missed_are_told_is_not_told_again() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.BODY: 10})
    deadlines.begin("a", Deadline.BODY, 0)
    told = []
    for one, due in deadlines.missed(10):
        told.append(one)
        deadlines.begin(one, due, 10)
    assert told == ["a"]
    assert missed(deadlines, 20) == [("a", Deadline.BODY)]


def test_time_in_which_the_process_stood_still_is_not_the_clients() -> None:
    deadlines: Deadlines[str] = Deadlines({Deadline.HEAD: 10})
    assert [*deadlines.missed(0)] == []
    deadlines.begin("a", Deadline.HEAD, 0.5)
    assert [*deadlines.missed(100)] == []
    assert [*deadlines.missed(101)] == [("a", Deadline.HEAD)]
