"""The lease monitor: reads a market's rows in the database while this process receives nothing from the market."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.db import Error as DatabaseError

from recorder.store.lease import DEAD_SECONDS
from runtime.announced import Announced
from runtime.supervision import supervisor
from streaming.relay.health import SILENCE_SECONDS, LeaseView
from streaming.relay.lease_status import LeaseStatus, standing_of

log = logging.getLogger(__name__)

#: Time between two reads of the database; requests, however many, cause no further ones.
LOOK_SECONDS = 2.0

#: The same while nobody runs the market, for those who ask each second, for ever: a market that starts is heard. No
#: process tells of a silence that began behind such a look before there is another one.
_REST_SECONDS = SILENCE_SECONDS

#: A market that was heard within this time is not looked up.
_HEARD_SECONDS = 5.0

#: How long an answer may wait for a read.
_ANSWER_SECONDS = 3.0


class LeaseMonitor:
    """The state of one market by its rows. All methods are for the loop's thread; `now` is the loop's clock."""

    def __init__(self, symbol: str, now: float, read: Callable[[str], LeaseStatus] = standing_of) -> None:
        self._symbol, self._read = symbol, read
        self._found: LeaseStatus | None = None
        self._found_at = -LOOK_SECONDS
        #: Whether nobody ran the market, and it has not been heard since.
        self._rests = False
        self._token: str | None = None
        #: Since when this process could have received messages of the present holder.
        self._token_since = now
        self._looking: asyncio.Task[None] | None = None
        self._database = Announced(log)

    def look_if_unheard(self, silent_seconds: float | None, now: float) -> None:
        """To be called each second: start a read of the rows, if the market is not heard and the last read is old
        enough."""
        if silent_seconds is not None and silent_seconds <= _HEARD_SECONDS:
            self._rests = False
        elif now - self._found_at >= self._fresh_seconds(at_leisure=True):
            self._begin()

    async def claim(self, *, at_leisure: bool = False) -> LeaseView | None:
        """The result of a fresh read; None if the database does not answer.

        `at_leisure` is for who asks each second: while nobody runs the market, it is of some seconds ago.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._found_at >= self._fresh_seconds(at_leisure):
            await asyncio.wait({self._begin()}, timeout=_ANSWER_SECONDS)
        now, found = loop.time(), self._found
        if found is None or now - self._found_at > self._fresh_seconds(at_leisure) + _ANSWER_SECONDS:
            return None
        renewed_seconds = (found.renewed_seconds or 0.0) + now - self._found_at
        return LeaseView(
            held=bool(found.token),
            holder=found.holder,
            renewed_seconds=renewed_seconds,
            is_dead=renewed_seconds > DEAD_SECONDS,
            seen_seconds=now - self._token_since,
            silence_seconds=found.silence_seconds,
            run=found.run,
            segment=found.segment,
        )

    def _fresh_seconds(self, at_leisure: bool) -> float:
        return _REST_SECONDS if at_leisure and self._rests else LOOK_SECONDS

    def _begin(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def _look(self) -> None:
        found: LeaseStatus | None = None
        with supervisor.guarded(f"checkup of {self._symbol}"):
            try:
                found = await asyncio.to_thread(self._read, self._symbol)
                self._database.back("%s: the database says again who runs the market", self._symbol)
            except DatabaseError as error:
                self._database.lost("%s: the database cannot be asked who runs the market: %s", self._symbol, error)
        self._found, self._found_at = found, asyncio.get_running_loop().time()
        self._rests = found is not None and not found.token
        if self._found is not None and self._found.token != self._token:
            if self._token is not None:
                self._token_since = self._found_at
            self._token = self._found.token
