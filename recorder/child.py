"""Long work without Celery: in a child of the lowest priority, one at a time, so that no stream stutters."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings
from django.db import Error as DatabaseError

from recorder.cold import copying
from recorder.digests import making
from runtime import pools
from runtime.db_threads import detached
from runtime.low_priority import NICENESS

log = logging.getLogger(__name__)

#: A segment is sealed every few minutes, and asking whether one was is a look into an index.
_LOOK_SECONDS = 5.0
#: Where a segment could not be read or copied, the next child is not to find the same at once.
_AGAIN_SECONDS = 60.0


class Chore(NamedTuple):
    """Work of a command of `manage.py`; `due` gives the keys of what is to be done, and raises django.db.Error."""

    command: str
    due: Callable[[], set[int]]
    #: The task that does this work elsewhere.
    task: str


#: Called off the loop with a chore's task, the seconds a child took, and whether it ended well.
OnEnd = Callable[[str, float, bool], object]

DIGESTS = Chore("digest", making.due, "recorder.digest")
COPIES = Chore("copysegments", copying.due, "recorder.copy_segments")


async def run(chore: Chore, on_end: OnEnd = lambda task, seconds, well: None) -> None:
    """Look for what is to be done and have a child do it, for ever; the child ends with the caller.

    Raises OSError if no child can be started.
    """
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if before := await pools.lookups.go_on(_due, chore):
            begun = time.monotonic()
            well = await make(chore)
            await pools.lookups.go_on(on_end, chore.task, time.monotonic() - begun, well)
            # Those that were sealed meanwhile need not wait for what cannot be read.
            if before & await pools.lookups.go_on(_due, chore):
                await asyncio.sleep(_AGAIN_SECONDS)


def _due(chore: Chore) -> set[int]:
    try:
        return detached(chore.due)
    except DatabaseError as error:  # an outage has an alert of its own
        log.debug("%s waits: %s", chore.command, error)
        return set()


async def make(chore: Chore) -> bool:
    """Have a child do what is due, and wait for it; whether it ended well. Raises OSError if it cannot be started."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), chore.command, "--for-server"]
    # A group of its own: Ctrl-C is for the server, which then ends its child. But no session of its own: Linux gives
    # each session an equal share (sched_autogroup), and the priority would count among the child alone.
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, process_group=0)
    try:
        with suppress(ProcessLookupError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)
        if status := await child.wait():
            log.error("%s ended with status %d", chore.command, status)
        return not status
    finally:
        if child.returncode is None:
            child.kill()  # what it was at is done again
            await child.wait()


def end_with_server() -> None:
    """In the child: standard input is a pipe from the server and ends with it, however that ends."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="server", daemon=True).start()
