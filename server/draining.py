"""The end of a process: the time after its announcement, in which probes send clients away; then that of its parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from runtime.stopping import stopping

#: What each part has at least for its end, however long those before it take.
_LEAST_SECONDS = 0.2

log = logging.getLogger(__name__)


class Draining:
    """Everything is served as ever meanwhile. For the loop's thread."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._cut_short = asyncio.Event()

    def end(self) -> None:
        """Wait no longer: it was told to stop a second time."""
        self._cut_short.set()

    async def wait(self) -> None:
        stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self._cut_short.wait()


async def ended(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    """Wait for the end of tasks, at most this long."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


async def end_parts(parts: Mapping[str, Callable[[], Awaitable[object]]], seconds: float) -> Exception | None:
    """End the parts of a process one after the other, all of them within this time; the first failure.

    A part that takes longer is left behind, which is no failure of it: a market that seals its segments on a busy
    machine goes on with that until the process ends, and the next start makes what is missing.
    """
    loop, first = asyncio.get_running_loop(), None
    ends_at = loop.time() + seconds - _LEAST_SECONDS * len(parts)
    for name, end in parts.items():
        ends_at += _LEAST_SECONDS
        limit = asyncio.timeout_at(ends_at)
        try:
            async with limit:
                await end()
        except TimeoutError as error:
            if not limit.expired():
                first = first or _told(name, error)
            else:
                log.warning("stopping: the %s takes longer than the process may wait, and is left behind", name)
        except Exception as error:  # noqa: BLE001 (told, and no reason to end the others less well)
            first = first or _told(name, error)
    return first


def _told(name: str, error: Exception) -> Exception:
    log.error("stopping: the end of the %s went wrong", name, exc_info=error)
    return error
