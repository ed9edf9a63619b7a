"""Rebuilding: makes every bar again whose ticks are still on the tape, and leaves the others unchanged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import transaction

from bars import coarse, stored
from bars.making.builder import Builder
from bars.making.market_time import MarketTime
from bars.making.resolutions import COARSE, PERIOD_MS, period_start
from bars.making.seconds_by_t import SecondsByT
from bars.making.tape import ticks_of
from bars.models import Gap
from bars.stored import Closing
from market.tick import Tick
from recorder.models import Market
from recorder.recovery.run_registry import price_ranges
from recorder.tape.history import History
from runtime.db_threads import persistently

_BATCH_CLOSINGS = 1000


class Rebuild:
    """One pass over the tape of a market that no process writes meanwhile; `on_tick` receives the t of each tick.

    Where ticks are gone or cannot be read, rows stay unchanged up to the first minute whose ticks are all there.
    `ticks` and `bars` count the work done.
    """

    def __init__(self, market: Market, history: History, on_tick: Callable[[int], None] = lambda t: None) -> None:
        self._market, self._history, self._on_tick = market, history, on_tick
        self._ask = partial(persistently, what=f"{market}: bars")
        self._ranges = self._ask(lambda: price_ranges(market))
        self._builder: Builder | None = Builder(self._ranges)
        self._seconds = SecondsByT(market)
        self._forget_time()
        self._waiting: list[Closing] = []
        #: Rows from here on are older than what is being made.
        self._from_ms: int | None = None
        self.ticks = self.bars = 0

    def run(self) -> None:
        """Raises OSError, TickError, django.db.Error.

        Bars of an hour and a day are made of the rows at the end, since behind a hole they hold minutes that stay.
        """
        self._ask(lambda: coarse.remove(self._market))
        for found in ticks_of(self._history, -1):
            if isinstance(found, Tick):
                self._take(found)
            else:
                self._leave_off()
        self._write()
        self.bars += coarse.make_up(self._market, ask=self._ask)

    def _leave_off(self) -> None:
        """Ticks are gone: the current bars cannot be made."""
        self._write()
        self._builder = self._from_ms = None
        self._forget_time()

    def _forget_time(self) -> None:
        """Of the ticks behind a hole, until there is a builder: time, the second they have come to, the first minute,
        and the last tick that the rows have in it."""
        self._time = MarketTime()
        self._second_ms: int | None = None
        self._torn_minute_ms: int | None = None
        self._torn_to_t = -1

    def _take(self, tick: Tick) -> None:
        self._on_tick(tick.t)
        builder = self._builder or self._begin(tick)
        if builder is None:
            return
        self.ticks += 1
        closed = [bar for bar in builder.take(tick) if bar.resolution not in COARSE]
        closing = stored.closing_of(builder, closed)
        if self._from_ms is None:
            self._from_ms = builder.second_ms
        if closing is not None:
            self._waiting.append(closing)
            self.bars += len(closing.bars)
        if len(self._waiting) == _BATCH_CLOSINGS:
            self._write()

    def _begin(self, tick: Tick) -> Builder | None:
        """After a hole, a builder from the rows before the first whole minute; None before that."""
        assert tick.ts is not None
        if self._second_ms is None:
            self._learn_time(tick.t)
        if tick.t <= self._torn_to_t:
            return None
        second_ms = self._time.second_of(tick.ts, self._second_ms)
        self._second_ms = second_ms if self._second_ms is None else max(second_ms, self._second_ms)
        minute_ms = period_start(self._second_ms, "1m")
        if self._torn_minute_ms is None:
            self._torn_minute_ms = minute_ms
        if minute_ms > self._torn_minute_ms:
            self._builder = self._ask(lambda: stored.builder_before(self._market, minute_ms, self._ranges))
        return self._builder

    def _learn_time(self, t: int) -> None:
        """Stand behind the rows of the first minute, or behind those before it: where the first ticks behind a hole are
        late, or in the past, nothing else tells to which second they belong."""
        second = self._ask(lambda: self._seconds.up_to(t))
        if second is not None and second.last_t >= t:
            self._torn_minute_ms = period_start(second.open_ms, "1m")
            end_ms = self._torn_minute_ms + PERIOD_MS["1m"]
            second = self._ask(lambda: stored.newest(self._market, end_ms)) or second
            self._torn_to_t = second.last_t
        if second is not None:
            self._second_ms = second.open_ms
            self._time.stand_before(second.next_ms)

    def _write(self) -> None:
        """Replace the previous bars by those made."""
        if not self._waiting or self._from_ms is None:
            return
        from_ms, to_ms = self._from_ms, self._waiting[-1].at_ms
        self._ask(lambda: self._replace(from_ms, to_ms))
        self._seconds.changed(from_ms, to_ms)
        self._from_ms, self._waiting = to_ms, []

    def _replace(self, from_ms: int, to_ms: int) -> None:
        with transaction.atomic():
            self._remove("1s", from_ms, to_ms)
            self._remove("1m", period_start(from_ms, "1m"), period_start(to_ms, "1m"))
            Gap.objects.filter(market=self._market, at_ms__gte=from_ms, at_ms__lt=to_ms).delete()
            stored.save(self._market, self._waiting)

    def _remove(self, resolution: str, from_ms: int, to_ms: int) -> None:
        stored.rows(self._market, resolution, from_ms, to_ms).delete()
