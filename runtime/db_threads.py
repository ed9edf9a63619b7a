"""Queries on database connections that may break: tried once, once more, or until the database is available."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, connections

T = TypeVar("T")


class Ask(Protocol):
    """A way to ask the database: what the query gives, or django.db.Error."""

    def __call__(self, query: Callable[[], T], /) -> T: ...


#: What a database raises that is unavailable: cut off, shut down, locked, or (InternalError) a standby that takes no
#: writes during a failover.
UNAVAILABLE = (OperationalError, InterfaceError, InternalError)

#: An outage lasts minutes: a restart, a failover, a host that comes up again.
PATIENCE_SECONDS = 900.0

#: A command that finds no database at its start gives up soon and says so.
START_SECONDS = 5.0

#: Pauses between attempts double up to the longest, which must be well below what others wait for a sign of life.
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0

log = logging.getLogger(__name__)


def directly(query: Callable[[], T]) -> T:
    """What a query gives, on this thread's connection. Raises django.db.Error."""
    return query()


def reading(query: Callable[[], T]) -> T:
    """What a query gives. Raises django.db.Error.

    A connection whose server went away fails for ever, and Django closes it only where requests end; so the query is
    tried again on a new one. Not for use inside a transaction.
    """
    try:
        return query()
    except UNAVAILABLE:
        close_connections()
        return query()


def detached(job: Callable[[], T]) -> T:
    """What a job gives, without leaving a connection open behind it. Raises django.db.Error."""
    try:
        return job()
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
    """What a small job gives, repeated on fresh connections while the database is unavailable.

    An answer can be lost on its way back, so a job whose attempt failed may have been done: it must be harmless to
    repeat and recognise its own work. Where it cannot, `again` is called instead from the second attempt on. `what`
    names the job in the log. No connection is left open, unless `keep_open` (opening one takes ten times as long as a
    query). Raises django.db.Error after `seconds`, or when `pause` returns something true.
    """
    deadline, wait_seconds = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    failed = False
    while True:
        try:
            done = job() if keep_open else detached(job)
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


def close_connections() -> None:
    """Close this thread's connections, but for one with a transaction of the caller's under way."""
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close()
