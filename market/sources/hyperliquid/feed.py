"""What is known of a venue's trades: which ticks are due, and which intervals nobody can tell anything of."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from market.sources.hyperliquid.messages import Message, Top, Trades
from market.sources.hyperliquid.seen_trades import SeenTrades
from market.sources.hyperliquid.venue_clock import VenueClock
from market.tick import Tick
from market.trades.live_ticks import LiveTradeTicks
from market.trades.trade import Trade

log = logging.getLogger(__name__)

#: How long after an interval's end its trades may arrive: with what a tick still waits for, it leaves within 250 ms.
GRACE_SECONDS = 0.1

#: A message may be ahead of this host's clock by as much; one from further ahead would close intervals to come.
MOST_AHEAD_SECONDS = 60.0

#: So many tops of the book wait for their ticks. The oldest counts at once when more do.
_MOST_TOPS = 1000


class Connected(NamedTuple):
    """Connection `number` is there and tells trades; what was missed before it is being asked for."""

    number: int


class Recent(NamedTuple):
    """The venue's newest trades, as connection `number` asked for them; None where there was no answer."""

    number: int
    trades: list[Trade] | None


class Answered(NamedTuple):
    """The venue has answered what it was asked at this time (monotonic)."""

    asked_at: float


class Lost(NamedTuple):
    """The connection is gone."""


Event = Message | Connected | Recent | Answered | Lost


class Feed:
    """Takes what the venue says and gives the ticks that are due, without any input or output of its own.

    An interval gives its tick `GRACE_SECONDS` after it ended by the venue's clock, and not before the venue said
    something behind its end: a line that broke and does not know it yet says nothing of the market. A message may have
    been on its way for long when it arrives, so that it counts from the time that it tells of, and an answer from when
    it was asked for: the venue's clock was no further behind then than this estimates it. After an outage the ticks
    wait for the newest trades. Where these do not reach back to what was known before it, the intervals between are
    unknown. The first feed of a market begins with the first trade that is not among the newest ones then.

    Times `now` are of one monotonic clock, in seconds; `clock` gives this host's Unix seconds.
    """

    def __init__(self, source: str, interval: float, ticks: LiveTradeTicks, clock: Callable[[], float]) -> None:
        self._source, self._interval, self._wall_clock = source, interval, clock
        self.ticks, self.seen, self._clock = ticks, SeenTrades(), VenueClock()
        #: The venue's time up to which every trade was heard; None before it has told any.
        self._known_to: float | None = None
        self._connection: int | None = None
        #: What was heard since the connection came back, while it is unknown what was missed; None while nothing is.
        self._held: list[Trade] | None = None
        #: Whether every trade is heard.
        self.is_live = False
        #: Since when (monotonic) it is, after an outage, while the venue has told no time that says how long that was.
        self._undated: float | None = None
        self._tops: deque[tuple[float, float | None]] = deque()
        self.from_the_future = 0

    def hear(self, event: Event, now: float) -> None:
        """Take what arrived at `now`."""
        told_to: float | None = None
        match event:
            case Connected(number):
                self._break_off()
                self._connection, self._held = number, []
            case Lost():
                self._break_off()
            case Recent(number, trades):
                if number == self._connection and self._held is not None:
                    trades = self._held + self._plausible(trades or [])
                    told_to = _newest(trades)
                    self._go_on(trades, now)
            case Trades(trades):
                trades = self._plausible(trades)
                told_to = _newest(trades)
                self._take(trades, now)
            case Top(time, mid):
                if self._is_plausible(time):
                    told_to = time
                    self._hear_time(time, now)
                    self._tell_top(time, mid)
            case Answered(asked_at):
                told_to = self._clock.at(asked_at)
        if self.is_live:
            self._known_to = self._later(self._known_to, told_to)

    def due(self, now: float) -> bool:
        """Whether a tick is to be taken."""
        return (limit := self._limit(now)) is not None and self.ticks.due(limit) is not None

    def take_due(self, now: float) -> Tick:
        """The tick that is due."""
        limit = self._limit(now)
        assert limit is not None
        end = self.ticks.due(limit)
        assert end is not None
        while self._tops and self._tops[0][0] < end:
            self.ticks.tell_mid(self._tops.popleft()[1])
        return next(self.ticks.ticks_until(end))

    def wants_word(self, now: float) -> bool:
        """Whether a tick only waits for the venue to say anything behind its interval's end."""
        time = self._clock.at(now)
        if not self.is_live or time is None or (end := self.ticks.due(time)) is None:
            return False
        return self._known_to is None or self._known_to < end

    def due_in_seconds(self, now: float) -> float:
        """When to look again if nothing is heard: at the end of an interval, and when its tick is to leave."""
        time = self._clock.at(now)
        if time is None:
            return self._interval
        return min(self._interval - (moment % self._interval) for moment in (time, time - GRACE_SECONDS))

    def _limit(self, now: float) -> float | None:
        """Intervals that end by then give their ticks."""
        time = self._clock.at(now)
        return None if time is None or self._known_to is None else min(self._known_to, time - GRACE_SECONDS)

    def _take(self, trades: list[Trade], now: float) -> None:
        if (newest := _newest(trades)) is not None:
            self._hear_time(newest, now)
        if self.is_live:
            self._add(trades)
        elif self._held is not None:
            self._held += trades

    def _add(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            if self.seen.take(trade):
                self.ticks.add(trade)

    def _go_on(self, trades: list[Trade], now: float) -> None:
        """Everything that can be had of the time before the connection is there."""
        self._held, self.is_live = None, True
        time = self._clock.at(now)
        if self._known_to is None:
            for trade in trades:
                self.seen.take(trade)
            self.seen.forget_before(_newest(trades) or time or 0.0)
            return
        if (reach := min((trade.time for trade in trades), default=time)) is None:
            self._undated = now
        elif not any(trade in self.seen for trade in trades):
            self._tell_outage(reach)
        self._add(sorted(trades, key=lambda trade: trade.time))

    def _hear_time(self, time: float, now: float) -> None:
        """A message of that time (Unix seconds) has arrived."""
        self._clock.hear(time, now)
        if self._undated is not None and (reach := self._clock.at(self._undated)) is not None:
            self._undated = None
            self._tell_outage(reach)

    def _tell_outage(self, reach: float) -> None:
        """Nothing is known of the time between what was known before and `reach` (Unix seconds)."""
        if self._known_to is not None and reach > self._known_to:
            log.warning("%s: the venue has no trades of %.1f s any more", self._source, reach - self._known_to)
            self.ticks.tell_unknown(self._known_to, reach)

    def _break_off(self) -> None:
        """What happens from now on is not heard."""
        if self.is_live:
            self._leave_top()
        self._held, self._undated, self.is_live = None, None, False

    def _leave_top(self) -> None:
        """The last top of the book tells nothing of what happened behind what is known."""
        if self._known_to is not None:
            self._tell_top(self._known_to, None)

    def _tell_top(self, time: float, mid: float | None) -> None:
        self._tops.append((time, mid))
        if len(self._tops) > _MOST_TOPS:
            self.ticks.tell_mid(self._tops.popleft()[1])

    def _plausible(self, trades: list[Trade]) -> list[Trade]:
        return [trade for trade in trades if self._is_plausible(trade.time)]

    def _is_plausible(self, time: float) -> bool:
        ahead_seconds = time - self._wall_clock()
        if ahead_seconds <= MOST_AHEAD_SECONDS:
            return True
        self.from_the_future += 1
        if self.from_the_future == 1:
            words = "passed over, and from now on only counted; is the clock of this host right?"
            log.warning("%s: a message is from %.0f s ahead: %s", self._source, ahead_seconds, words)
        return False

    @staticmethod
    def _later(one: float | None, other: float | None) -> float | None:
        return max((time for time in (one, other) if time is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """What the next ticks depend on, as plain JSON values."""
        return {"known_to": self._known_to, "ticks": self.ticks.to_dict(), "seen": self.seen.to_dict()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from `to_dict`, before anything was heard. Raises KeyError, TypeError, ValueError."""
        self._known_to = saved["known_to"]
        self.ticks.restore(saved["ticks"])
        self.seen.restore(saved["seen"])
        self._leave_top()

    def go_on_behind(self, recorded: Iterable[Tick], t: int) -> None:
        """Go on behind ticks that were given after what `restore` told, with t above `t`.

        Trades that had waited for their ticks then are in these ticks, or still wait.
        """
        waiting, begins = self.ticks.take_waiting(), self._known_to is None
        for tick in recorded:
            self.ticks.pass_over(tick)
            if begins:  # the market began within this tick, and nobody knows the trades before it by their ids
                self.seen.forget_before(self.ticks.closed_to)
                begins = False
            self.seen.note_recorded(tick, self.ticks.closed_to)
            self._known_to = self._later(self._known_to, self.ticks.closed_to)
        for trade in waiting:
            if not self.seen.is_recorded(trade):
                self.ticks.add(trade)
        self.ticks.go_on_behind(t)


def _newest(trades: Iterable[Trade]) -> float | None:
    """The time of the newest of these."""
    return max((trade.time for trade in trades), default=None)
