"""The builder: ticks in, closed bars of every resolution out, and the figures of the running day."""

from __future__ import annotations

from collections.abc import Iterable

from bars.making.market_time import MarketTime
from bars.making.ohlcv import NO_PRICES, Figures, MaybeFigures, Merger, Ohlcv, volume_sum
from bars.making.resolutions import OF_MINUTES, PERIOD_MS, period_start
from bars.making.trades import VolumeReader, trade_prices
from market.price_range import MODEL_RANGE, PriceRanges
from market.tick import Tick


class Builder:
    """Makes the bars of one market from its ticks, in their order; `ranges` are the price ranges of its runs.

    A bar closes with the first tick of a later period, by `bars.making.market_time`. A tick whose ts lies a little
    before the second under way counts to that second, since a closed bar never changes.

    The bar of a second is made of the prices of its ticks, or of those of their matches where these have some. A second
    without a match behind one that is made of matches repeats its close, until a run of another price range begins:
    that one's matches are of another market. (Of price ranges and not of runs, since a server that relays this one does
    not know the runs, and has the same bars.)
    """

    def __init__(self, ranges: PriceRanges | None = None) -> None:
        self._ranges = ranges or PriceRanges()
        self._range, self._range_until = MODEL_RANGE, -1.0
        self._volumes = VolumeReader()
        self._mergers = {resolution: Merger(resolution) for resolution in PERIOD_MS if resolution != "1s"}
        #: The price of the tick taken last.
        self._price: float | None = None
        #: The close of the second before, if that is made of the prices of matches and of the price range of now.
        self._last_trade: float | None = None
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

    def restore(self, minutes: Iterable[Ohlcv], seconds: Iterable[Ohlcv]) -> None:
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
        self.stand_behind(newest)

    def stand_behind(self, newest: Ohlcv) -> None:
        """Know the newest of closed seconds, and nothing of what periods under way hold."""
        self._range, self._range_until = self._ranges.holding_at(newest.last_t)
        self._last_trade = self._to_repeat(newest)
        self._price = newest.prices_of_ticks[-1]
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
        self.t, self._ts = tick.t, tick.ts
        self._add(tick)
        return closed

    def day(self) -> dict[str, float] | None:
        """Price, open, high and low of the ticks' price, and volume, of the running UTC day; None before any tick."""
        price = self._price
        if price is None:
            return None
        before = self._day_before
        opened, high, low = (price, price, price) if self._first_t is None else (self._open, self._high, self._low)
        if before is not None:
            earlier = before.prices_of_ticks
            opened, high, low = earlier[0], max(high, earlier[1]), min(low, earlier[2])
        volume = self._volume if before is None else volume_sum(before.volume, self._volume)
        return {"timestamp": self._ts, "price": price, "open": opened, "high": high, "low": low, "volume": volume}

    # -- the second under way

    def _begin_second(self) -> None:
        self._first_t = None
        self._open = self._high = self._low = self._volume = 0.0
        self._matches = 0
        self._trades: Figures | None = None

    def _add(self, tick: Tick) -> None:
        if tick.t >= self._range_until:
            before = self._range
            self._range, self._range_until = self._ranges.holding_at(tick.t)
            if self._range != before:
                self._last_trade = None
        price = self._price = self._range.price_of(tick.price_norm)
        if self._first_t is None:
            self._first_t = tick.t
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        if tick.match_a.size:
            self._add_matches(tick)

    def _add_matches(self, tick: Tick) -> None:
        self._volume = volume_sum(self._volume, self._volumes.volume_of(tick))
        self._matches += tick.match_a.size
        prices = trade_prices(tick)
        if prices:
            opened, high, low, _ = self._trades or (prices[0],) * 4
            self._trades = opened, max(high, *prices), min(low, *prices), prices[-1]

    def _second(self, next_ms: int) -> Ohlcv | None:
        """The bar of the second under way; None without a tick."""
        if self._first_t is None or self.second_ms is None or self.t is None or self._price is None:
            return None
        of_ticks = self._open, self._high, self._low, self._price
        trades = self._trades
        if trades is None and self._last_trade is not None and not self._matches:
            trades = (self._last_trade,) * 4
        unless_own: MaybeFigures = of_ticks if trades else NO_PRICES
        return Ohlcv(
            "1s",
            self.second_ms,
            *(trades or of_ticks),
            self._volume,
            self._matches,
            *unless_own,
            self._first_t,
            self.t,
            next_ms,
        )

    def _to_repeat(self, second: Ohlcv) -> float | None:
        """The close that seconds without a match repeat behind this one, whose last tick is the last taken. None if
        another price range began within it: its row does not tell which one its last match is of."""
        if not second.is_of_trades or self._ranges.holding_at(second.first_t)[0] != self._range:
            return None
        return second.close

    def _close(self, ms: int) -> list[Ohlcv]:
        """Close what is over when a tick of this second comes."""
        closed: list[Ohlcv] = []
        second = self._second(ms)
        if second is not None:
            closed.append(second)
            self.closed_t = second.last_t
            self._last_trade = self._to_repeat(second)
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
