"""Queries on database connections that may break: tried once, once more, or until the database is available."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, connections

T = TypeVar("T")


class Ask(Protocol):
    """A way to query the database: returns the result of the query, or raises django.db.Error."""

    def __call__(self, query: Callable[[], T], /) -> T: ...


#: The errors of a database that is unavailable: cut off, shut down, locked, or (InternalError) a standby that accepts
#: no writes during a failover.
UNAVAILABLE = (OperationalError, InterfaceError, InternalError)

#: The longest outage to wait for: a restart, a failover, a host that starts again.
PATIENCE_SECONDS = 900.0

#: A command without a database at its start gives up after this time and says so.
START_SECONDS = 5.0

#: Pauses between attempts double up to the longest, which must be much shorter than the time in which others expect a
#: sign of life.
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0

#: The longest rest behind one of many transactions.
_MOST_REST_SECONDS = 0.1

log = logging.getLogger(__name__)


def directly(query: Callable[[], T]) -> T:
    """Returns the result of a query on this thread's connection. Raises django.db.Error."""
    return query()


def reading(query: Callable[[], T]) -> T:
    """Returns the result of a query, retried once on a new connection. Raises django.db.Error.

    A connection whose server went away fails for ever, and Django closes it only at the end of requests. Not for use
    inside a transaction.
    """
    try:
        return _asked(query)
    except UNAVAILABLE:
        close_connections()
        return _asked(query)


def _asked(job: Callable[[], T]) -> T:
    """Returns the result of a job. Raises django.db.Error also for what Django passes on as the driver raises it: when
    the cursor of an iterator is closed on a connection that is gone."""
    with connection.wrap_database_errors:
        return job()


def detached(job: Callable[[], T]) -> T:
    """Returns the result of a job, and leaves no connection open. Raises django.db.Error."""
    try:
        return _asked(job)
    finally:
        close_connections()


def persistently(
    job: Callable[[], T],
    what: str,
    *,
    again: Callable[[], T] | None = None,
    seconds: float = PATIENCE_SECONDS,
    pause: Callable[[float], Any] = time.sleep,
    keep_open: bool = False,
) -> T:
    """Returns the result of a small job, repeated on fresh connections while the database is unavailable.

    The answer can be lost, so a job whose attempt failed may have been done. It must be harmless to repeat and
    recognise its own work. If it cannot, `again` is called instead from the second attempt on. `what` names the job in
    the log. No connection is left open, unless `keep_open` (opening one takes ten times as long as a query). Raises
    django.db.Error after `seconds`, or when `pause` returns something true.
    """
    deadline, wait_seconds = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    failed = False
    while True:
        try:
            done = _asked(job) if keep_open else detached(job)
        except UNAVAILABLE as error:
            close_connections()
            if connection.in_atomic_block or time.monotonic() + wait_seconds > deadline:
                raise
            if not failed:
                log.warning("%s: the database is unavailable, trying again: %s", what, error)
            failed, job = True, again or job
            if pause(wait_seconds):
                raise
            wait_seconds = min(2 * wait_seconds, _LONGEST_PAUSE_SECONDS)
        else:
            if failed:
                log.warning("%s: the database is available again", what)
            return done


@contextmanager
def leaving_time_to_others() -> Iterator[None]:
    """Rests for as long as what is within took: one of many transactions that follow each other.

    In SQLite those who wait to write have no queue: they look again every 100 ms at last, and give up after 5 s. Beside
    ten thousand transactions, one right behind the other, the market's own rows found no moment.
    """
    begun = time.monotonic()
    yield
    time.sleep(min(time.monotonic() - begun, _MOST_REST_SECONDS))


def close_connections() -> None:
    """Close this thread's connections, except one on which the caller has a transaction in progress."""
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close()
