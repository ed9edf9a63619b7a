"""Making digests without Celery: in a child of the lowest priority, one at a time, so that no stream stutters."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from django.conf import settings
from django.db import Error as DatabaseError

from recorder.digests.making import due
from runtime import pools
from runtime.db_threads import detached

log = logging.getLogger(__name__)

#: A segment is sealed every few minutes, and asking whether one was is a look into an index.
_LOOK_SECONDS = 5.0
#: Where a segment could not be read, the next child is not to find the same at once.
_AGAIN_SECONDS = 60.0
_NICENESS = 19


async def run() -> None:
    """Look for segments without a digest and have a child make them, for ever; the child ends with the caller.

    Raises OSError if no child can be started.
    """
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if before := await pools.lookups.go_on(_due):
            await make()
            # Those that were sealed meanwhile need not wait for what cannot be read.
            if before & await pools.lookups.go_on(_due):
                await asyncio.sleep(_AGAIN_SECONDS)


def _due() -> set[int]:
    try:
        return detached(due)
    except DatabaseError as error:  # an outage has an alert of its own
        log.debug("digests wait: %s", error)
        return set()


async def make() -> None:
    """Have a child make what digests are lacking, and wait for it. Raises OSError if it cannot be started."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "digest", "--for-server"]
    # A group of its own: Ctrl-C is for the server, which then ends its child. But no session of its own: Linux gives
    # each session an equal share (sched_autogroup), and the priority would count among the child alone.
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, process_group=0)
    try:
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
        if status := await child.wait():
            log.error("making digests ended with status %d", status)
    finally:
        if child.returncode is None:
            child.kill()  # what it was making is made again
            await child.wait()
