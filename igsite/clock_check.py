"""Whether the clock of this host is kept right, and is that of the database."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator

from django.core.checks import CheckMessage, Warning
from django.db import Error as DatabaseError
from django.db import connection

from runtime.db_threads import detached

_MOST_SECONDS = 2.0
#: TIME_ERROR of adjtimex(2): nobody has set this clock right.
_TIME_ERROR = 5
#: More than `struct timex` has on any machine.
_TIMEX_BYTES = 512


def clock() -> Iterator[CheckMessage]:
    """igsite.W013 where nobody keeps the clock, or that of the database shows another time."""
    if _is_unkept():
        yield Warning(
            "Nobody keeps the clock of this machine right.",
            hint="apt install systemd-timesyncd (or chrony), and look at `timedatectl`.",
            id="igsite.W013",
        )
    try:
        ahead = detached(_ahead_of_database)
    except DatabaseError:
        return  # igsite.E001 tells of it
    if abs(ahead) > _MOST_SECONDS:
        yield Warning(
            f"The clock of this machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the database's.",
            hint="Have both machines keep their clocks by NTP: `timedatectl` on each tells whether they do.",
            id="igsite.W013",
        )


def _is_unkept() -> bool:
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False  # no Linux: nobody knows
    return bool(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) == _TIME_ERROR)


def _ahead_of_database() -> float:
    """Seconds, by the middle of the question; 0 for SQLite, which has no clock of its own."""
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        theirs = float(cursor.fetchone()[0])
        return (before + time.time()) / 2 - theirs
