"""Few lines of the log on what may happen any number of times, and nothing in them that is nobody's business."""

from __future__ import annotations

import logging

from igsite.log_limits import FewLeftBehind

#: As daphne words it.
_KILLED = "Application instance %r for connection %s took too long to shut down and was killed."


def record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("daphne.server", logging.WARNING, __file__, 1, text, arguments, None)


def test_many_that_left_a_database_that_hangs_are_one_line_without_objects() -> None:
    now = 0.0
    few = FewLeftBehind(lambda: now)
    made = [record(_KILLED, "<Task pending name='Task-1'>", "<HttpRequest GET /segments>") for _ in range(3)]
    assert [few.filter(one) for one in made] == [True, False, False]
    now = 60.0
    assert few.filter(last := record(_KILLED, "<Task pending>", "<HttpRequest GET /disk>"))
    told = "what a client has left did not end by itself, and is ended: <HttpRequest GET"
    assert made[0].getMessage() == f"{told} /segments>"
    assert last.getMessage() == f"{told} /disk> (and 2 more since the line before)"


def test_other_lines_of_the_server_pass_as_they_are() -> None:
    few = FewLeftBehind(lambda: 0.0)
    others = [record("Exception inside application: %s", "why") for _ in range(2)]
    assert [few.filter(one) for one in others] == [True, True]
    assert others[1].getMessage() == "Exception inside application: why"
