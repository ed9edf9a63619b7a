"""Trades made ticks: each interval of market time becomes one, with who traded with whom, and at which price."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from market.tick import Ints, Tick
from market.trades.actions import Action, actions_of
from market.trades.experience import TRADE_COUNTS, TradeCounts, counts_in
from market.trades.market_state import MarketState
from market.trades.trade import Trade, TradeError

#: A silence longer than this, in seconds, is skipped.
SILENCE_SECONDS = 60.0

#: How many trades may wait for their ticks: so many take some 100 MB, and as one tick a line of about 50 MB.
MOST_WAITING = 200_000

_NOBODY: Ints = np.array([], np.int64)


class TradeTicks:
    """Takes trades and gives ticks: one for each interval k, `k*interval <= time < (k+1)*interval`, empty ones too.

    The first tick is that of the first trade. t counts the ticks from 0; ts is k*interval. Intervals without a trade
    are skipped where ts would go on by more than `silence` seconds since the last trade: t goes on by one, ts jumps.
    Trades may come in any order until their interval is closed; a later one counts to the tick under way, and in
    `late`. Within a tick they are ordered by time. A trade of somebody with themselves is left out and counted in
    `with_itself`.

    `ids_of(names, t)` gives the ids of agents. `price_range` is (low, high) of price_norm, None for 0.5 and 1.5 times
    the first price. The interval must be whole microseconds; raises TradeError.
    """

    def __init__(
        self,
        interval: float,
        ids_of: Callable[[Sequence[str], int], Ints],
        *,
        silence: float = SILENCE_SECONDS,
        price_range: tuple[float, float] | None = None,
    ) -> None:
        if not math.isfinite(interval) or (whole := micros(interval)) < 1 or whole / 1e6 != interval:
            raise TradeError(f"trades need a tick interval of whole microseconds, got {interval:.12g} s")
        self._interval, self._silence, self._ids_of = whole, micros(silence), ids_of
        self._market, self._counts = MarketState(price_range), TradeCounts()
        self._waiting: dict[int, list[Trade]] = {}
        #: The intervals in `_waiting`, as a heap.
        self._order: list[int] = []
        self._number_waiting = 0
        self._t = self._next = 0
        #: The last interval with a trade that was closed.
        self._traded: int | None = None
        self.late = self.with_itself = 0

    @property
    def price_range(self) -> tuple[float, float] | None:
        """The prices that price_norm 0 and 1 stand for; None where the first tick is still to determine them."""
        return self._market.price_range

    def tell_mid(self, mid: float | None) -> None:
        """The venue's mid, for ticks that are closed from now on, until it tells another; None while it tells none."""
        self._market.tell_mid(mid)

    def add(self, trade: Trade) -> None:
        """Take a trade. Raises TradeError if too many wait."""
        if trade.buyer == trade.seller:
            self.with_itself += 1
            return
        k = micros(trade.time) // self._interval
        if k < self._next:
            self.late += 1
            k = self._next
        self._wait(k, trade)

    def ticks_until(self, time: float) -> Iterator[Tick]:
        """The ticks of all intervals that end at or before `time` (Unix seconds), each closed when it is taken.

        For a live market, whose silence gives ticks before anybody knows how long it will last.
        """
        end = micros(time) // self._interval
        while (k := self._due()) is not None and k < end:
            yield self._close(k)

    def ticks_of_trades(self, until: float = math.inf) -> Iterator[Tick]:
        """As `ticks_until`, but only up to the last trade, so that ticks do not depend on when they are asked for."""
        end = math.inf if until == math.inf else micros(until) // self._interval
        while self._order and (k := self._due()) is not None and k < end:
            yield self._close(k)

    def _wait(self, k: int, trade: Trade) -> None:
        if self._number_waiting >= MOST_WAITING:
            raise TradeError(
                f"more than {MOST_WAITING:,} trades wait for their tick;"
                " ticks, or the time by which a trade may be late, must be shorter"
            )
        self._number_waiting += 1
        if k in self._waiting:
            self._waiting[k].append(trade)
        else:
            self._waiting[k] = [trade]
            heapq.heappush(self._order, k)

    def _due(self) -> int | None:
        """The interval of the next tick; None if only a trade can tell."""
        if not self._order:
            return self._next if self._within_silence(self._next) else None
        return self._next if self._within_silence(self._order[0]) else self._order[0]

    def _within_silence(self, k: int) -> bool:
        return self._traded is not None and (k - self._traded) * self._interval <= self._silence

    def _close(self, k: int) -> Tick:
        trades: list[Trade] = []
        if self._order and self._order[0] == k:
            heapq.heappop(self._order)
            trades = sorted(self._waiting.pop(k), key=lambda trade: trade.time)
            self._number_waiting -= len(trades)
            self._traded = k
        self._market.take(trades)
        tick = self._tick(k, trades)
        self._t, self._next = self._t + 1, k + 1
        return tick

    def _tick(self, k: int, trades: list[Trade]) -> Tick:
        market, actions = self._market, actions_of(trades)
        seen = list(actions)
        ids = self._ids_of(seen, self._t) if seen else _NOBODY
        order = np.argsort(ids)
        names = [seen[i] for i in order.tolist()]
        return Tick(
            t=self._t,
            ts=k * self._interval / 1e6,
            price_norm=market.price_norm,
            volatility=market.volatility,
            liquidity=market.liquidity,
            imbalance=market.imbalance,
            agent_ids=ids[order],
            **self._columns([actions[name] for name in names], ids[order]),
            **_matches(trades, {name: i for i, name in enumerate(names)}),
            mid=market.mid,
            names=tuple(names) or None,
        )

    def _columns(self, actions: list[Action], ids: Ints) -> dict[str, Any]:
        trades = np.array([len(action.sizes) for action in actions], np.int64)
        return {
            "experience": self._counts.add(ids, trades),
            "sides": np.array([action.side for action in actions], np.int8),
            "prices": np.array([action.price for action in actions], np.float64),
            "sizes": np.array([action.volume for action in actions], np.float64),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything that the next ticks depend on, as plain JSON values."""
        return {
            "t": self._t,
            "next": self._next,
            "traded": self._traded,
            "late": self.late,
            "with_itself": self.with_itself,
            "market": self._market.to_dict(),
            TRADE_COUNTS: self._counts.to_list(),
            "waiting": [[k, [list(trade) for trade in self._waiting[k]]] for k in sorted(self._order)],
        }

    def take_over(self, checkpoint: str, recorded: Iterable[Tick]) -> bool:
        """Begin with the trades that agents have had in the store: those in a source's checkpoint, and the ticks since.

        Returns whether the checkpoint tells of any.
        """
        if (counts := counts_in(checkpoint)) is None:
            return False
        self._counts = TradeCounts(counts)
        for tick in recorded:
            if tick.names is not None:
                self._counts.note(tick)
        return True

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from `to_dict`, in an object that has taken nothing. Raises KeyError, TypeError, ValueError."""
        self._t, self._next, self._traded = saved["t"], saved["next"], saved["traded"]
        self.late, self.with_itself = saved["late"], saved["with_itself"]
        self._market.restore(saved["market"])
        self._counts = TradeCounts(saved[TRADE_COUNTS])
        for k, trades in saved["waiting"]:
            for trade in trades:
                self._wait(k, Trade(*trade))


def micros(seconds: float) -> int:
    """Whole microseconds, in which intervals are counted."""
    return round(seconds * 1e6)


def _matches(trades: list[Trade], index: dict[str, int]) -> dict[str, Any]:
    return {
        "match_a": np.array([index[trade.buyer] for trade in trades], np.int64),
        "match_b": np.array([index[trade.seller] for trade in trades], np.int64),
        "match_prob": np.ones(len(trades)),
        "match_prices": np.array([trade.price for trade in trades], np.float64) if trades else None,
        "match_sizes": np.array([trade.size for trade in trades], np.float64) if trades else None,
    }
