"""PostgreSQL's connections: how many a web process may need, and whether there are as many."""

from __future__ import annotations

from django.core.checks import Warning
from django.db import Error as DatabaseError
from django.db import connection

from igsite.config import Config
from runtime import pools
from runtime.db_threads import detached
from runtime.threads import OWN_THREADS

#: A market keeps its lease, its segments' rows, its bars and its run, each on a thread, and says its last words.
MARKET_CONNECTIONS = 5


def web_connections(config: Config) -> int:
    """The most that a web process has open: one for each thread that asks the database."""
    return pools.threads(config.pool_threads) + OWN_THREADS


def few_connections(config: Config) -> Warning | None:
    """igsite.W006 where PostgreSQL takes fewer than a web process and a market need. None where it does not answer:
    whoever needs it will say so."""
    if connection.vendor != "postgresql":
        return None
    try:
        allowed = detached(_allowed)
    except DatabaseError:
        return None
    needed = web_connections(config) + MARKET_CONNECTIONS
    if allowed >= needed:
        return None
    return Warning(
        f"PostgreSQL takes {allowed} connections; one web process and one market take up to {needed}, and requests"
        " are refused where there is none left.",
        hint="Raise max_connections (docs/operations.md has the sum), or lower IG_POOL_THREADS.",
        id="igsite.W006",
    )


def _allowed() -> int:
    """The connections that PostgreSQL has for others than its superuser."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings"
            " WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
        )
        return int(cursor.fetchone()[0])
