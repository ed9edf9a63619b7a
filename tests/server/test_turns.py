"""The turns in which requests begin: no sockets, no loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from server.admission.turns import Turns


class Iterations:
    """Calls what is due in the next iteration when it is told to."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def call_soon(self, call: Callable[[], None]) -> None:
        self._due.append(call)

    def next(self) -> bool:
        """One iteration; whether anything was due in it."""
        due, self._due = self._due, []
        for call in due:
            call()
        return bool(due)


def test_a_client_with_many_requests_begins_one_in_each_iteration_and_another_does_not_wait() -> None:
    loop, begun = Iterations(), list[str]()
    turns = Turns(loop.call_soon)
    waits = [turns.take("many", partial(begun.append, f"many {n}")) for n in range(3)]
    assert waits == [False, True, True]
    assert turns.take("one", partial(begun.append, "one")) is False
    assert begun == ["many 0", "one"]
    assert loop.next()
    assert begun[2:] == ["many 1"]
    assert turns.take("one", partial(begun.append, "one")) is False
    assert loop.next()
    assert begun[3:] == ["one", "many 2"]
    while loop.next():
        pass
    assert len(begun) == 5


def test_a_request_that_brings_in_the_next_one_begins_it_an_iteration_later() -> None:
    loop, begun = Iterations(), list[int]()
    turns = Turns(loop.call_soon)

    def begin(n: int) -> None:
        begun.append(n)
        if n < 3:
            turns.take("one", partial(begin, n + 1))

    begin_first = turns.take("one", partial(begin, 0))
    assert not begin_first
    for n in range(1, 4):
        assert begun == list(range(n))
        assert loop.next()
    while loop.next():
        pass
    assert begun == [0, 1, 2, 3]
