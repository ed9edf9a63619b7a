"""The builder: ticks in, closed bars of every resolution out, and the figures of the running day."""

from __future__ import annotations

from collections.abc import Iterable

from bars.making.market_time import MarketTime
from bars.making.ohlcv import DECIMALS, Merger, Ohlcv
from bars.making.resolutions import OF_MINUTES, PERIOD_MS, period_start
from bars.making.trades import TradeReader
from market.tick import Tick


class Builder:
    """Makes the bars of one market from its ticks, in their order.

    A bar closes with the first tick of a later period, by `bars.making.market_time`. A tick whose ts lies a little
    before the second under way counts to that second, since a closed bar never changes. Ticks before the first price of
    a market make no bar.
    """

    def __init__(self) -> None:
        self._trades = TradeReader()
        self._mergers = {resolution: Merger(resolution) for resolution in PERIOD_MS if resolution != "1s"}
        self._last_close: float | None = None
        self._time = MarketTime()
        #: The last tick taken, and the last of the newest closed bar of a second: what has a bar that will not change.
        self.t: int | None = None
        self.closed_t: int | None = None
        #: Ticks that are missing before the one taken last: first and last t.
        self.gap: tuple[int, int] | None = None
        self.second_ms: int | None = None
        self._ts = 0.0
        self._first_t: int | None = None
        self._begin_second()
        self._note_day()

    def restore(self, minutes: Iterable[Ohlcv], seconds: Iterable[Ohlcv], last_close: float | None) -> None:
        """Stand behind the newest of closed seconds, as if every tick up to it had been taken.

        `seconds` are those of the newest one's minute, `minutes` those of its day before that minute.
        """
        minutes, seconds = list(minutes), list(seconds)
        newest = seconds[-1]
        for resolution in OF_MINUTES:
            begin = period_start(newest.open_ms, resolution)
            for minute in minutes:
                if minute.open_ms >= begin:
                    self._mergers[resolution].take(minute)
        for second in seconds:
            self._mergers["1m"].take(second)
            if second.open_ms >= period_start(newest.open_ms, "5s"):
                self._mergers["5s"].take(second)
        self.stand_behind(newest, last_close)

    def stand_behind(self, newest: Ohlcv, last_close: float | None) -> None:
        """Know the newest of closed seconds, and nothing of what periods under way hold."""
        self._last_close = last_close
        self._trades.mid = newest.mid_close
        self.t = self.closed_t = newest.last_t
        self.second_ms = newest.open_ms
        self._time.stand_before(newest.next_ms)
        self._note_day()

    def take(self, tick: Tick) -> list[Ohlcv]:
        """Take the next tick, which has a ts; the bars it closes, finest first."""
        assert tick.ts is not None
        ms = self._time.second_of(tick.ts, self.second_ms)
        closed: list[Ohlcv] = []
        if self.second_ms is None or ms > self.second_ms:
            closed = self._close(ms)
        self.gap = None if self.t is None or tick.t == self.t + 1 else (self.t + 1, tick.t - 1)
        if self._first_t is None:
            self._first_t = tick.t
        self.t, self._ts = tick.t, tick.ts
        self._add(tick)
        return closed

    def day(self) -> dict[str, float] | None:
        """Price (the mid), open, high and low (of the mid) and volume of the running UTC day; None before any mid."""
        mid = self._trades.mid
        if mid is None:
            return None
        before = self._day_before
        high = mid if self._mid_high is None else self._mid_high
        low = mid if self._mid_low is None else self._mid_low
        if before is None or before.mid_open is None:
            opened = mid if self._mid_open is None else self._mid_open
        else:
            assert before.mid_high is not None
            assert before.mid_low is not None
            opened, high, low = before.mid_open, max(high, before.mid_high), min(low, before.mid_low)
        volume = round(self._volume if before is None else before.volume + self._volume, DECIMALS)
        return {"timestamp": self._ts, "price": mid, "open": opened, "high": high, "low": low, "volume": volume}

    # -- the second under way

    def _begin_second(self) -> None:
        self._first_t = None
        self._open = self._high = self._low = self._close_price = self._volume = 0.0
        self._matches = 0
        self._mid_open: float | None = None
        self._mid_high: float | None = None
        self._mid_low: float | None = None

    def _add(self, tick: Tick) -> None:
        prices = self._trades.read(tick)
        mid = self._trades.mid
        if mid is not None:
            if self._mid_high is None or self._mid_low is None:
                self._mid_open = self._mid_high = self._mid_low = mid
            elif mid > self._mid_high:
                self._mid_high = mid
            elif mid < self._mid_low:
                self._mid_low = mid
        if not prices:
            return
        if not self._matches:
            self._open, self._high, self._low = prices[0], max(prices), min(prices)
        else:
            self._high, self._low = max(self._high, *prices), min(self._low, *prices)
        self._close_price = prices[-1]
        self._volume += self._trades.volume
        self._matches += len(prices)

    def _second(self, next_ms: int) -> Ohlcv | None:
        """The bar of the second under way; None without a tick, or while no price is known."""
        mid = self._trades.mid
        if self._first_t is None or self.second_ms is None or self.t is None:
            return None
        if not self._matches:
            flat = mid if self._last_close is None else self._last_close
            if flat is None:
                return None
            self._open = self._high = self._low = self._close_price = flat
        return Ohlcv(
            "1s",
            self.second_ms,
            round(self._open, DECIMALS),
            round(self._high, DECIMALS),
            round(self._low, DECIMALS),
            round(self._close_price, DECIMALS),
            round(self._volume, DECIMALS),
            self._matches,
            self._mid_open,
            self._mid_high,
            self._mid_low,
            mid,
            self._first_t,
            self.t,
            next_ms,
        )

    def _close(self, ms: int) -> list[Ohlcv]:
        """Close what is over when a tick of this second comes."""
        closed: list[Ohlcv] = []
        second = self._second(ms)
        if second is not None:
            closed.append(second)
            self.closed_t = second.last_t
            if second.matches:
                self._last_close = second.close
            self._mergers["5s"].take(second)
            self._mergers["1m"].take(second)
        for resolution, merger in self._mergers.items():
            bar = merger.close_before(ms)
            if bar is None:
                continue
            closed.append(bar)
            if resolution == "1m":
                for coarse in OF_MINUTES:
                    self._mergers[coarse].take(bar)
        self.second_ms = ms
        self._begin_second()
        self._note_day()
        return closed

    def _note_day(self) -> None:
        """The day before the second under way: its closed minutes, and the closed seconds behind them."""
        day = Merger("1d")
        for part in (self._mergers["1d"].bar, self._mergers["1m"].bar):
            if part is not None:
                day.take(part)
        self._day_before = day.bar
