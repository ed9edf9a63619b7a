"""Live bars: made on the pipeline's thread from each tick, stored by another thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bars.errors import BarsStopped
from bars.making.builder import Builder
from bars.making.keeper import BarKeeper
from bars.making.market_time import MOST_LATE_MS
from bars.making.ohlcv import Ohlcv
from bars.stored import closing_of
from market.price_range import PriceRanges
from market.tick import Tick
from recorder.models import Market
from recorder.tape.history import History
from streaming.protocol import Moment

log = logging.getLogger(__name__)

#: So many ticks wait for a builder at the start (some 20 MB with 74 agents). Beyond, they are read from the tape, where
#: they are by then.
_MOST_HELD = 5000


class LiveBars:
    """Observes the ticks of a pipeline that begins with `next_t`; `ranges` are the price ranges of the market's runs,
    `still_writes` and `is_mine` are those of its recording. Where a run `begins` with ticks that are older than the
    last bar, the log says so. What it sees in one tick:

    `{"closed": [[resolution, open_ms, close_ms, open, high, low, close, volume], …], "day": {…}, "kept_t": t}`:
    the bars that closed with it, finest first; the running UTC day's `timestamp`, `price`, `open`, `high`, `low` and
    `volume`; the last tick that has a closed bar, None without any. None instead of all while what came before is still
    read from the tape: the bars that closed meanwhile come with the first tick behind that.

    A tick that bars cannot be made of ends them, since what is made behind it would be wrong; the next start of the
    market makes all of them from the tape.
    """

    def __init__(
        self,
        market: Market,
        history: History,
        next_t: int,
        ranges: PriceRanges | None = None,
        *,
        still_writes: Callable[[int], bool] = lambda t: False,
        is_mine: Callable[[], bool] = lambda: True,
        begins: bool = False,
    ) -> None:
        self._symbol, self._begins = market.symbol, begins
        self._failed_of: Exception | None = None
        self._builder: Builder | None = None
        self._handed: Builder | None = None
        self._held: list[Tick] = []
        self._held_from = next_t
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._keeper = BarKeeper(
            market,
            history,
            next_t,
            held_from=lambda: self._held_from,
            hand_over=self._take_over,
            still_writes=still_writes,
            is_mine=is_mine,
            ranges=ranges,
        )
        self._keeper.start()

    def catch_up(self, seconds: float) -> None:
        """Wait until the past is known, at most this long."""
        self._ready.wait(seconds)

    def close(self, seconds: float) -> bool:
        """Write what waits, within this time."""
        return self._keeper.close(seconds)

    def observe(self, tick: Tick, moment: Moment) -> dict[str, Any] | None:
        """The observation of the next tick. Raises BarsStopped, and once the error that a tick caused."""
        if self._failed_of is not None:
            raise BarsStopped(self._symbol, self._failed_of)
        try:
            return self._seen(tick)
        except Exception as error:
            self._failed_of = error
            raise

    def _seen(self, tick: Tick) -> dict[str, Any] | None:
        closed = self._hold(tick) if self._builder is None else self._take(self._builder, tick)
        if self._builder is None:
            return None
        return {
            "closed": [bar.row() for bar in closed],
            "day": self._builder.day(),
            "kept_t": self._builder.closed_t,
        }

    def _take(self, builder: Builder, tick: Tick) -> list[Ohlcv]:
        if self._begins:
            self._begins = False
            self._tell_older(builder.second_ms, tick)
        closed = builder.take(tick)
        if closed or builder.gap is not None:
            closing = closing_of(builder, closed)
            if closing is not None:
                self._keeper.put(closing)
        return closed

    def _tell_older(self, last_ms: int | None, tick: Tick) -> None:
        """Warn of a run whose bars will have other times than its ticks: it may well be of another market."""
        assert tick.ts is not None
        if last_ms is not None and last_ms - tick.ts * 1000 > MOST_LATE_MS:
            log.warning(
                "%s: its ticks are of %s, bars go on behind %s: if it is another market, give it a store, a symbol and"
                " a database of its own (IG_CAM_STORE_DIR, IG_SYMBOL, DATABASE_URL)",
                self._symbol,
                _shown(tick.ts),
                _shown(last_ms / 1000),
            )

    def _hold(self, tick: Tick) -> list[Ohlcv]:
        """Hold the tick for the builder, or continue with the builder."""
        with self._lock:
            if self._handed is None and len(self._held) >= _MOST_HELD:
                self._held, self._held_from = [], tick.t
            self._held.append(tick)
            if self._handed is None:
                return []
            self._builder, held, self._held = self._handed, self._held, []
        return [bar for one in held for bar in self._take(self._builder, one)]

    def _take_over(self, builder: Builder, to_t: int) -> bool:
        """The keeper's thread has brought a builder up to a tick; whether the held ones begin behind that."""
        with self._lock:
            if to_t + 1 < self._held_from:
                return False
            self._handed = builder
        self._ready.set()
        return True


def _shown(ts: float) -> str:
    """A moment for the log, to the second."""
    return f"{datetime.fromtimestamp(ts, UTC):%Y-%m-%d %H:%M:%S} UTC"
