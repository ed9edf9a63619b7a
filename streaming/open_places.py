"""Open places in the recording: which of many readers keep theirs between two batches.

A place holds what it has decoded, up to a mebibyte of each kind, and to find one again takes several times as long as
to read a batch. Why their number is bounded, and who gives way: docs/architecture.md, "Resume".
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Protocol

#: A reader that takes longer than this for a batch is slow: its place is closed.
SLOW_SECONDS = 1.0

#: The same while others wait for a place.
_QUICK_SECONDS = 0.2

#: While others wait, a reader keeps its place so long at a time: a dozen batches if all are fast.
_TURN_SECONDS = 1.0

#: Who has waited so long reads without a place: it finds its own anew for each batch.
_LONGEST_WAIT_SECONDS = 20.0

#: What a place holds at most, of three kinds, and the part of the clients' memory that places of one sort may take.
_PLACE_BYTES, _PART = 3 << 20, 8

#: So few readers may always keep one.
_FEWEST = 4


class Keeper(Protocol):
    """A reader with a place in the recording."""

    def close(self) -> None:
        """Close the place, and leave it here."""


class OpenPlaces:
    """At most `most` readers keep their place open. For the loop's thread.

    Where `wait` is set, one that finds them all taken waits for its turn, so that a place serves for many batches.
    Otherwise it takes that of the one whose client has been busy longest.
    """

    def __init__(self, most: float = math.inf, *, wait: bool = False) -> None:
        self._limit = self.most = most
        self._waits = wait
        #: Those who have one, and since when.
        self._held: dict[Keeper, float] = {}
        #: Those who have one and do not read now, in the order in which they stopped.
        self._idle: dict[Keeper, asyncio.TimerHandle] = {}
        self._waiting: dict[Keeper, asyncio.Future[None]] = {}

    def within(self, memory_bytes: int) -> None:
        """Let fewer readers keep one where clients may take little memory."""
        self.most = min(self._limit, max(_FEWEST, memory_bytes // (_PART * _PLACE_BYTES)))

    async def come(self, reader: Keeper) -> None:
        """A reader needs a place; it may read when this returns, with one or without."""
        if reader in self._held:
            return
        if len(self._held) >= self.most and not self._waits and self._idle:
            next(iter(self._idle)).close()
        if len(self._held) < self.most:
            self._give(reader)
        elif self._waits:
            await self._turn(reader)

    async def _turn(self, reader: Keeper) -> None:
        if not self._waiting:
            for one in self._idle:
                self._close_later(one, _QUICK_SECONDS)
        turn = self._waiting[reader] = asyncio.get_running_loop().create_future()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                    await turn
        finally:
            self._waiting.pop(reader, None)

    def keep(self, reader: Keeper) -> None:
        """The client of a reader takes a batch: close the place if that takes long, or at once if its turn is over."""
        since = self._held.get(reader)
        if since is None or (self._waiting and asyncio.get_running_loop().time() > since + _TURN_SECONDS):
            reader.close()
        else:
            self._close_later(reader, _QUICK_SECONDS if self._waiting else SLOW_SECONDS)

    def go_on(self, reader: Keeper) -> None:
        """The reader reads again, or waits for a thread that does."""
        if (timer := self._idle.pop(reader, None)) is not None:
            timer.cancel()

    def leave(self, reader: Keeper) -> None:
        """The reader has closed its place: another one may have it."""
        self.go_on(reader)
        if self._held.pop(reader, None) is None:
            return
        for one, turn in self._waiting.items():
            if not turn.done():  # it has neither waited long enough nor gone, and does not know yet
                self._give(one)
                turn.set_result(None)
                return

    def _give(self, reader: Keeper) -> None:
        self._held[reader] = asyncio.get_running_loop().time()

    def _close_later(self, reader: Keeper, seconds: float) -> None:
        if (timer := self._idle.get(reader)) is not None:
            timer.cancel()
        self._idle[reader] = asyncio.get_running_loop().call_later(seconds, reader.close)


#: A resume comes to an end, so the others can wait for it.
of_resumes = OpenPlaces(16, wait=True)
#: A replay goes on for hours, mostly idle.
of_replays = OpenPlaces(64)


def within(memory_bytes: int) -> None:
    """Bound the places by the memory that clients may take."""
    for places in (of_resumes, of_replays):
        places.within(memory_bytes)
