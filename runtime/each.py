"""The same work for each of several markets: what is wrong with one of them does not keep the others waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

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
