"""The turns in which requests begin: no sockets, no loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from server.admission.turns import FewAtOnce, Turns


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


def test_what_is_beyond_a_few_of_a_client_waits_for_one_to_end() -> None:
    few, begun = FewAtOnce(2), list[str]()

    def begin(client: str, name: str, is_there: bool = True) -> None:
        few.begin(client, lambda: begun.append(name) or is_there)

    for name in ("a", "b", "c", "d"):
        begin("many", name)
    begin("one", "e")
    assert begun == ["a", "b", "e"]
    few.end("one")
    few.end("many")
    assert begun == ["a", "b", "e", "c"]
    for _ in range(3):
        few.end("many")
    assert begun == ["a", "b", "e", "c", "d"]
    assert vars(few)["_under_way"] == {}
    assert vars(few)["_waiting"] == {}


def test_those_that_have_left_are_passed_over_however_many_they_are() -> None:
    few, begun = FewAtOnce(1), list[int]()
    few.begin("many", lambda: True)
    for n in range(5000):
        few.begin("many", lambda n=n: begun.append(n) or n == 4999)
    few.end("many")
    assert begun == list(range(5000))
    few.begin("many", lambda: True)
    few.end("many")
    few.end("many")
    assert vars(few)["_under_way"] == {}
