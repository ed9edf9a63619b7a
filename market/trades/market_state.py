"""The state of a market of trades: its mid, and the field `s` of its ticks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from market.model import substrate
from market.tick import Tick
from market.trades.trade import Taker, Trade

#: Where no price range is given, it is this times the first price of the run.
RANGE_OF_FIRST_PRICE = (0.5, 1.5)

#: Liquidity is the share of so many ticks, the newest included, that have a trade.
LIQUIDITY_TICKS = 20


class MarketState:
    """Follows a market from tick to tick.

    `price_range` is what price_norm 0 and 1 stand for; None until the first price determines it. `mid` is None before
    the first trade.
    """

    def __init__(self, price_range: tuple[float, float] | None = None) -> None:
        self.price_range = price_range
        self.mid: float | None = None
        self.imbalance = 0.0
        self._venue_mid: float | None = None
        self._last_price: float | None = None
        self._last_taker: Taker | None = None
        self._norms: deque[float] = deque(maxlen=substrate.VOLATILITY_PRICES)
        self._traded: deque[bool] = deque(maxlen=LIQUIDITY_TICKS)

    def tell_mid(self, mid: float | None) -> None:
        """The venue's own mid, which holds until it tells another, or None while it tells none."""
        self._venue_mid = mid

    def take(self, trades: Sequence[Trade]) -> None:
        """Take the trades of the next tick, in their order; the first tick must have one."""
        if trades:
            self._begin_at(trades[0].price)
        self.imbalance = self._imbalance(trades)
        self.mid = self._venue_mid if self._venue_mid is not None else self._last_price
        self._norms.append(self._norm())
        self._traded.append(bool(trades))

    @property
    def price_norm(self) -> float:
        """The mid within the price range, 0..1."""
        return self._norms[-1]

    @property
    def volatility(self) -> float:
        """Rule 6 of docs/model.md."""
        return substrate.volatility(self._norms)

    @property
    def liquidity(self) -> float:
        """The share of the last ticks with a trade."""
        return sum(self._traded) / len(self._traded)

    def pass_over(self, tick: Tick) -> None:
        """Take note of a tick that it made in an earlier life; the first has a trade."""
        if (prices := tick.match_prices) is not None:
            self._begin_at(float(prices[0]))
            self._last_price = float(prices[-1])
        self.mid = tick.mid
        self._norms.append(tick.price_norm)
        self._traded.append(prices is not None)

    def begin_run(self, price_range: tuple[float, float] | None) -> None:
        """A new run goes on here: its price range is the given one, or that of the mid as its first price."""
        self.price_range = price_range
        self._norms.clear()
        if self.mid is not None:
            self._begin_at(self.mid)

    def _begin_at(self, price: float) -> None:
        """The first price of the run determines the price range, where none was given."""
        if self.price_range is None:
            low, high = RANGE_OF_FIRST_PRICE
            self.price_range = low * price, high * price

    def _norm(self) -> float:
        assert self.price_range is not None
        assert self.mid is not None
        low, high = self.price_range
        return min(max((self.mid - low) / (high - low), 0.0), 1.0)

    def _imbalance(self, trades: Sequence[Trade]) -> float:
        """What takers bought minus what they sold, as a share of the volume; 0.0 without trades."""
        signed = []
        for trade in trades:
            side = self._taker(trade)
            signed.append(trade.size if side == "buy" else -trade.size if side == "sell" else 0.0)
        return math.fsum(signed) / math.fsum(trade.size for trade in trades) if trades else 0.0

    def _taker(self, trade: Trade) -> Taker | None:
        """The side of the taker. An unknown one bought at a higher price than the trade before, sold at a lower one,
        and at the same price did what the taker before did (the tick rule: Lee and Ready, 1991)."""
        before, self._last_price = self._last_price, trade.price
        if trade.taker is not None:
            self._last_taker = trade.taker
        elif before is not None and trade.price != before:
            self._last_taker = "buy" if trade.price > before else "sell"
        return self._last_taker

    def to_dict(self) -> dict[str, Any]:
        """Everything that the next ticks depend on."""
        return {
            "price_range": self.price_range,
            "mid": self.mid,
            "venue_mid": self._venue_mid,
            "last_price": self._last_price,
            "last_taker": self._last_taker,
            "norms": list(self._norms),
            "traded": list(self._traded),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from `to_dict`. Raises KeyError, TypeError, ValueError."""
        low_high = saved["price_range"]
        self.price_range = None if low_high is None else (float(low_high[0]), float(low_high[1]))
        self.mid, self._venue_mid = saved["mid"], saved["venue_mid"]
        self._last_price, self._last_taker = saved["last_price"], saved["last_taker"]
        self._norms.extend(saved["norms"])
        self._traded.extend(saved["traded"])
