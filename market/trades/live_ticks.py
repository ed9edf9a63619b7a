"""Ticks of trades that are heard as they happen: some are missed, and those recorded cannot be made again."""

from __future__ import annotations

from typing import Any

from market.tick import Tick
from market.trades.ticks import TradeTicks, micros
from market.trades.trade import Trade


class LiveTradeTicks(TradeTicks):
    """Trades made ticks, with intervals of which nobody knows what happened in them."""

    #: First interval and end of each unknown span that is still to come.
    _unknown: tuple[tuple[int, int], ...] = ()

    @property
    def closed_to(self) -> float:
        """The end of the last interval that was closed, in Unix seconds."""
        return self._next * self._interval / 1e6

    def tell_unknown(self, since: float, until: float) -> None:
        """Nobody knows what happened between these times (Unix seconds).

        The intervals that lie wholly between them give no tick, and t goes on by their number.
        """
        first, end = -(-micros(since) // self._interval), micros(until) // self._interval
        if first < end:
            self._unknown = (*self._unknown, (first, end))

    def due(self, time: float) -> float | None:
        """The end of the next tick's interval (Unix seconds), if that is at or before `time`."""
        k = self._due()
        return None if k is None or k >= micros(time) // self._interval else (k + 1) * self._interval / 1e6

    def _due(self) -> int | None:
        k = super()._due()
        while self._unknown and (k is None or k >= self._unknown[0][0]):
            self._pass_unknown()
            k = super()._due()
        return k

    def _pass_unknown(self) -> None:
        (first, end), self._unknown = self._unknown[0], self._unknown[1:]
        if self._order and self._order[0] < end:  # a trade that came in spite of it
            self._unknown = ((self._order[0] + 1, end), *self._unknown)
            end = self._order[0]
        begin = max(first, self._next)
        if self._traded is not None and begin < end:  # before the first tick there is no t that could go on
            self._t, self._next, self._traded = self._t + end - begin, end, end - 1

    def pass_over(self, tick: Tick) -> None:
        """Take note of a tick that is recorded, and that it gave in an earlier life, with the t that it had then."""
        assert tick.ts is not None
        k = micros(tick.ts) // self._interval
        self._t, self._next = tick.t + 1, k + 1
        if tick.match_a.size:
            self._traded = k
        self._counts.note(tick)
        self._market.pass_over(tick)

    def go_on_behind(self, t: int) -> None:
        """The next tick's t is above this one."""
        self._t = max(self._t, t + 1)

    def begin_run(self, price_range: tuple[float, float] | None) -> None:
        """The next tick is the first of a new run, with this price range, or that of the mid as its first price."""
        self._market.begin_run(price_range)

    def take_waiting(self) -> list[Trade]:
        """The trades that wait for their ticks, which it forgets."""
        waiting = [trade for k in sorted(self._order) for trade in self._waiting[k]]
        self._order, self._waiting, self._number_waiting = [], {}, 0
        return waiting

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "interval": self._interval, "unknown": self._unknown}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved["interval"] != self._interval:
            raise ValueError(f"it has intervals of {saved['interval'] / 1e6:g} s, not {self._interval / 1e6:g} s")
        super().restore(saved)
        self._unknown = tuple((int(first), int(end)) for first, end in saved["unknown"])
