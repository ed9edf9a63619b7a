"""The garbage collection of a process that runs for months."""

from __future__ import annotations

import asyncio
import gc


def except_what_is_there() -> None:
    """From now on let Python's collector look at new objects only. To be called when a process has loaded its parts.

    A full collection stops all threads while it looks at each object: 80 ms for the 130,000 of modules, which all last.
    And it comes when a quarter more objects than it left have lasted, so that what refers to itself (an exception that
    was caught, with the frames of all who were called) lies about until there are ten thousands of it. Without the
    objects of modules both are a matter of what clients cause: collections come sooner, and are shorter by so much.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # which sets the number of objects that it left to 0


async def collect_often(seconds: float = 60.0) -> None:
    """Make a full collection every `seconds`, for ever, on the loop.

    Of a request or a socket that has ended some hundred objects refer to each other: tasks, and exceptions with the
    frames of all who were called. They lasted so long that only a full collection finds them, and left to Python it
    comes when they are a quarter of all: with 200 clients after twenty minutes, with 9 MiB of what clients had been
    sent. A collection takes 10 ms for the 80,000 objects of such a process.
    """
    while True:
        await asyncio.sleep(seconds)
        gc.collect()
