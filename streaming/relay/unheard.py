"""Unheard: the last moments before a silence that a relay did not hear, which no later moment shows to be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

#: Without a new moment for so long after what was heard is on the tapes, there is a look at the recording.
_UNHEARD_SECONDS = 3.0

#: The pause between two looks doubles up to this, or to the first one where that is longer.
_LONGEST_SECONDS = 60.0


class Memory(Protocol):
    """What there is of a recording in memory (`streaming.relay.filling`); `at_rest` while nothing is read into it."""

    @property
    def last_t(self) -> int: ...
    @property
    def at_rest(self) -> bool: ...
    async def recorded_now(self) -> int: ...
    def read_end(self, recorded_t: int) -> None: ...


class LookTimes:
    """Looks that are due while the newest t stays the same: the first soon, the others ever more rarely."""

    def __init__(self, first_seconds: float) -> None:
        self._first_seconds, self._longest_seconds = first_seconds, max(first_seconds, _LONGEST_SECONDS)
        self._pause_seconds = first_seconds
        self._last_t: int | None = None
        self._due_at = 0.0

    def is_due(self, last_t: int, now: float) -> bool:
        """To be asked with the newest t every second or so; `now` is in monotonic seconds."""
        is_new, is_due = last_t != self._last_t, now >= self._due_at
        if is_new:
            self._last_t, self._pause_seconds = last_t, self._first_seconds
        elif is_due:
            self._pause_seconds = min(2 * self._pause_seconds, self._longest_seconds)
        if is_new or is_due:
            self._due_at = now + self._pause_seconds
        return is_due and not is_new


class Unheard:
    """Has what is recorded behind memory read, one look at a time. For the loop's thread."""

    def __init__(
        self, memory: Memory, settle_seconds: float, start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    ) -> None:
        """After `settle_seconds` all tapes have what one of them has."""
        self._memory, self._settle_seconds, self._start = memory, settle_seconds, start
        self._times = LookTimes(settle_seconds + _UNHEARD_SECONDS)
        self._looker: asyncio.Task[None] | None = None

    def beat(self, now: float) -> None:
        """Each second: look if it is time to. What comes meanwhile does not wait for the look."""
        is_looking = self._looker is not None and not self._looker.done()
        if self._times.is_due(self._memory.last_t, now) and self._memory.at_rest and not is_looking:
            self._looker = self._start(self._look())

    async def _look(self) -> None:
        """Have read what is recorded behind memory, unless it is heard after all before it is on all tapes."""
        memory = self._memory
        if (recorded_t := await memory.recorded_now()) > memory.last_t:
            await asyncio.sleep(self._settle_seconds)
            if memory.at_rest and recorded_t > memory.last_t:
                memory.read_end(recorded_t)
