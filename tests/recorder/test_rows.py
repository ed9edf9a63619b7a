"""Reading on another thread: through whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import OperationalError, connections

from recorder.rows import on_thread


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
    monkeypatch.setattr(type(connections), "close_all", lambda *_: found.append(None))
    return found


def test_a_connection_that_has_broken_is_made_anew(closings: list[Any]) -> None:
    query = Breaking(1)
    assert asyncio.run(on_thread(query)) == "an answer"
    assert (query.asked, len(closings)) == (2, 2)


def test_none_is_left_open_whatever_came_of_it(closings: list[Any]) -> None:
    query = Breaking(9)
    with pytest.raises(OperationalError):
        asyncio.run(on_thread(query))
    assert query.asked == 2
    assert len(closings) == 2, "before the second attempt, and at the end"
