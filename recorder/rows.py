"""Reading rows on threads that live as long as the process, through whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections

T = TypeVar("T")


def reading(query: Callable[[], T]) -> T:
    """What a query gives. Raises django.db.Error.

    A connection whose server went away fails for ever, and Django closes it only where requests end; so the query is
    tried again on a new one. Not for use inside a transaction.
    """
    try:
        return query()
    except (OperationalError, InterfaceError):
        connections.close_all()
        return query()


async def on_thread(read: Callable[[], T]) -> T:
    """What a query gives, asked on another thread, and again if its connection had broken. Raises django.db.Error."""
    return await asyncio.to_thread(_asked, read)


def _asked(read: Callable[[], T]) -> T:
    try:
        return reading(read)
    finally:
        connections.close_all()  # no request ends on this thread, so nobody else would close one that broke
