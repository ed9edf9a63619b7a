"""The replay: a row of bars against a clock, that is paused, moved and ended; whatever socket it is for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

from bars.making.resolutions import PERIOD_MS
from bars.past.request import PastBars
from bars.past.row import BarTape, Happening, Row
from runtime import pools
from streaming.past.clock import ReplayClock
from streaming.protocol import STORE_HEADER
from streaming.relay.relays import relays

#: The pairs of symbol and resolution of one replay: each has a page in memory.
MOST_PAIRS = 64

#: What is due within this time is due: of fifty replays of seconds each bar would wake the loop by itself.
_SOON_SECONDS = 0.02


class BarReplay:
    """What a client hears of the past. `ended`: it has heard all up to `to_ms`; `caught_up`: up to the present.

    For the loop's thread.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], past: PastBars) -> None:
        self.pairs, self._to_ms = list(dict.fromkeys(pairs)), past.to_ms
        self._stores = {symbol: _store_of(symbol) for symbol, _ in self.pairs}
        #: Between two bars lies as much of market time as this, and it is no gap.
        self._usual_seconds = min(PERIOD_MS[resolution] for _, resolution in self.pairs) / 1000
        self._now = asyncio.get_running_loop().time
        self.clock = ReplayClock(past.speed, self._now())
        self.ended = self.caught_up = False
        self._time_ms = past.from_ms
        self._begin(past.from_ms)

    @property
    def time_ms(self) -> int:
        """The market time at which it is."""
        ts = self.clock.market_ts(self._now())
        return self._time_ms if ts is None else max(self._time_ms, math.floor(ts * 1000))

    async def due(self, most: int) -> tuple[list[Happening], float]:
        """What is due by now, at most so many; and the seconds until more is, infinity if none will be by itself.

        Nothing where a `seek` came while the database was read. Raises django.db.Error.
        """
        found: list[Happening] = []
        row = self._row
        while len(found) < most:
            happening = None if self.ended or self.caught_up else await row.next()
            if row is not self._row:
                return [], 0.0
            if happening is None:
                return found, self._wait_for_end()
            wait_seconds = self._due(happening.at_ms)
            if wait_seconds > _SOON_SECONDS:
                return found, wait_seconds
            row.take()
            self._time_ms = max(self._time_ms, happening.at_ms)
            found.append(happening)
        return found, 0.0

    def pause(self) -> None:
        self.clock.pause(self._now())

    def play(self, speed: float | None) -> None:
        self.clock.play(self._now(), speed)

    def seek(self, to_ms: int) -> None:
        """Go on from another moment. Raises ValueError if it lies behind the end."""
        if self._to_ms is not None and to_ms > self._to_ms:
            raise ValueError(f"this replay ends at {self._to_ms}, got {to_ms}")
        self.clock.seek()
        self._begin(to_ms)

    def of(self, pairs: Iterable[tuple[str, str]]) -> BarReplay:
        """The replay of other pairs on this clock. One that was of this replay too continues without a hole."""
        other = BarReplay(pairs, PastBars(self.time_ms, self._to_ms))
        other.clock, former = self.clock, {(tape.symbol, tape.resolution): tape for tape in self.tapes}
        for tape in other.tapes:
            if (before := former.get((tape.symbol, tape.resolution))) is not None:
                tape.taken_ms = before.taken_ms
        return other

    @property
    def tapes(self) -> list[BarTape]:
        """The tape of each pair, which knows how far it was taken."""
        return self._row.bars

    def moved_stores(self) -> list[tuple[str, str]]:
        """Markets that were begun anew since this was asked last, with their new recording; what follows is of it."""
        moved = []
        for symbol, former in self._stores.items():
            store = _store_of(symbol)
            if store is None or store == former:
                continue
            self._stores[symbol] = store
            if former is not None:
                self._row.forget(symbol)
                moved.append((symbol, store))
        return moved

    def _begin(self, at_ms: int) -> None:
        self._row = Row(self.pairs, at_ms, self._to_ms, pools.past_bars)
        self._time_ms = at_ms
        self.ended = self.caught_up = False
        self._due(at_ms)  # the clock counts from here

    def _due(self, at_ms: int) -> float:
        return self.clock.due(at_ms / 1000, self._now(), self._usual_seconds)

    def _wait_for_end(self) -> float:
        """The database has no more: the seconds until that is the end, infinity once it is, and while paused."""
        if self.clock.paused or self.ended or self.caught_up:
            return math.inf
        if self._to_ms is not None and (wait_seconds := self._due(self._to_ms)) > 0:
            return wait_seconds
        self.ended, self.caught_up = self._to_ms is not None, self._to_ms is None
        return math.inf


def _store_of(symbol: str) -> str | None:
    """The recording that a market has, as far as it is known."""
    return relays.known_headers(symbol).get(STORE_HEADER)
