"""The past of one feed client: what it is sent in place of live bars until its replay has come to the present."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from django.db import Error as DatabaseError

from bars.feed.protocol import Command, bar_message, caught_up, gap, replay_at, replay_end
from bars.making.ohlcv import Ohlcv
from bars.past.replay import BarReplay
from bars.past.row import Happening
from bars.reading import last_bars
from runtime import pools

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
#: Bars are sent in pieces of at most this many, so that a command is noticed in between.
_PIECE_BARS = 128

Put = Callable[[bytes], Awaitable[None]]


class PastFeed:
    """A replay, and the client that it is for. Only a client that `knows` of replays is told of more than bars.

    Clients of the protocol as it was before may break on a message of another type.
    """

    def __init__(self, replay: BarReplay, put: Put, *, knows: bool) -> None:
        self.replay, self._put, self.knows = replay, put, knows
        self._is_told_end = False

    async def step(self) -> float:
        """Send what is due; the seconds until more is, infinity if nothing will be by itself."""
        replay = self.replay
        for symbol, store in replay.moved_stores():
            await self._tell(gap(symbol, replay.time_ms, "store_changed", store=store))
        try:
            found, wait_seconds = await replay.due(_PIECE_BARS)
        except DatabaseError as error:
            log.warning("the past cannot be read for a client of the bar feed: %s", error)
            return _RETRY_SECONDS
        if wire := b"".join(map(self._wire, found)):
            await self._put(wire)
        if (replay.ended or replay.caught_up) and not self._is_told_end:
            self._is_told_end = True
            await self._tell((caught_up if replay.caught_up else replay_end)(replay.time_ms))
        return wait_seconds

    async def obey(self, command: Command) -> None:
        """Carry out a command, and say how the replay stands."""
        self.knows = True
        refused = command.refused or self._do(command)
        clock = self.replay.clock
        await self._put(replay_at(self.replay.time_ms, clock.speed, paused=clock.paused, refused=refused))

    async def send_history(self, pairs: Iterable[tuple[str, str]], count: int) -> None:
        """Send the last bars of each pair that had closed where the replay stands. Raises django.db.Error."""
        at_ms = self.replay.time_ms
        for symbol, resolution in pairs if count else ():
            await self._put(await pools.past_bars.ask_on(partial(_history, symbol, resolution, count, at_ms)))

    def _do(self, command: Command) -> str | None:
        try:
            match command.type:
                case "PAUSE":
                    self.replay.pause()
                case "PLAY":
                    self.replay.play(command.speed)
                case _:
                    self.replay.seek(command.time_ms)
                    self._is_told_end = False
        except ValueError as error:
            return str(error)
        return None

    async def _tell(self, wire: bytes) -> None:
        if self.knows:
            await self._put(wire)

    def _wire(self, happening: Happening) -> bytes:
        symbol, what = happening.symbol, happening.what
        if isinstance(what, Ohlcv):
            return bar_message(symbol, what)
        lost = gap(symbol, happening.at_ms, "lost", from_t=what.from_t, to_t=what.to_t)
        return lost if self.knows else b""


def _history(symbol: str, resolution: str, count: int, to_ms: int) -> bytes:
    """The messages of a pair's last bars up to a time. Raises django.db.Error."""
    return b"".join(bar_message(symbol, bar) for bar in last_bars(symbol, resolution, count, to_ms=to_ms))
