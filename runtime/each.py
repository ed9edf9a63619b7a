"""The same work for each of several markets: what is wrong with one of them does not keep the others waiting."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from runtime.db_threads import UNAVAILABLE
from runtime.unavailable import Unavailable

T = TypeVar("T")

log = logging.getLogger(__name__)


def sum_of_each(things: Iterable[T], work: Callable[[T], int]) -> int:
    """The sum of what `work` returns for each thing.

    The log tells which ones fail; the first error is raised once all others are done. A database or a bucket that is
    away is so for all of them: such an error is raised at once, since each would wait for it anew.
    """
    total, first_error = 0, None
    for one in things:
        try:
            total += work(one)
        except (*UNAVAILABLE, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the others are done)
            log.error("%s: %s: %s", one, type(error).__name__, error)
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    return total


def sum_in_time(things: Iterable[T], work: Callable[[T, Callable[[], bool]], int], seconds: float) -> int:
    """The sum as of `sum_of_each`, of work that ends once its second argument, `is_over`, says so.

    Each thing has an equal share of the seconds, and of what those before it left. What is left at last is shared out
    among those that had too little. No thing is always the last, which gets nothing where work overruns its share.
    """
    turns = _Turns(things, seconds)
    return sum_of_each(turns, lambda one: work(one, turns.is_over))


class _Turns(Generic[T]):
    """The things whose turn it is, one after the other."""

    def __init__(self, things: Iterable[T], seconds: float) -> None:
        self._things, self._end = list(things), time.monotonic() + seconds
        random.shuffle(self._things)
        self._until, self._needs_more = self._end, False

    def __iter__(self) -> Iterator[T]:
        things = self._things
        while things:
            again = list[T]()
            for left, one in zip(range(len(things), 0, -1), things, strict=True):
                now = time.monotonic()
                self._until, self._needs_more = now + max(0.0, self._end - now) / left, False
                yield one
                if self._needs_more:
                    again.append(one)
            things = again if time.monotonic() < self._end else []

    def is_over(self) -> bool:
        """Whether the time of the one whose turn it is has passed."""
        is_over = time.monotonic() >= self._until
        self._needs_more |= is_over
        return is_over
