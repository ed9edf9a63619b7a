"""Prices for strategies: the same call live and in a backtest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marketcamera.backtest import Backtest, current_backtest
from marketcamera.bars import Bar, resolution_of
from marketcamera.cache import BarCache
from marketcamera.feed import BarFeed
from marketcamera.history import BarHistory
from marketcamera.live_bars import LiveBars
from marketcamera.merge import gaps, merged
from marketcamera.moments import milliseconds
from marketcamera.table import bar_table, chosen_fields

if TYPE_CHECKING:
    import pandas

_cache = BarCache()
_feed = BarFeed(_cache)
_lock = threading.Lock()


def get_websocket_manager() -> BarFeed:
    """The feed of this process."""
    return _feed


def get_websocket_cache() -> BarCache:
    """The bars that the feed of this process brought."""
    return _cache


def get_price(
    symbol: str,
    count: int = 20,
    end_date: Any = None,
    frequency: str = "1h",
    fields: str | Iterable[str] | None = None,
) -> pandas.DataFrame:
    """The last `count` closed bars, oldest first, fewer where there are no more: open, high, low, close and volume.

    float64 columns on a UTC DatetimeIndex of close times, named `close_time`. `end_date` (ISO 8601 text, date, datetime
    or ms; UTC if it names no zone) leaves out what had not closed by then. `fields` chooses columns. What the feed has
    brought is used first, the rest comes from the server's recording. In a `Backtest`, nothing that closed after the
    bar at hand is seen.

    `attrs` of the table: `position`, the close time of the last bar in ms, None without any; `staleness`, seconds since
    then by this machine's clock, in a backtest by its own; `gaps`, the spans between bars for which there is none,
    `from` and `to` in ms; `lost_ticks`, the ranges `from_t`, `to_t` whose ticks are missing in recorded bars (None
    where the recording was not asked).

    Raises ValueError for what cannot be asked, MarketCameraError when the server cannot answer.
    """
    resolution, columns = resolution_of(frequency), chosen_fields(fields)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be an integer of at least 1, got {count!r}")
    end_ms = None if end_date is None else milliseconds(end_date)
    test = current_backtest()
    if test is None:
        now_ms = time.time_ns() // 1_000_000
        _feed.start_if_environment_says_so()
        bars, lost = _live.before(symbol, resolution, count, end_ms, now_ms)
    else:
        now_ms = test.now_ms
        bars, lost = _past_bars(test, symbol, resolution, count, now_ms if end_ms is None else min(end_ms, now_ms))
    table = bar_table(bars, columns)
    position = bars[-1].close_time if bars else None
    table.attrs |= {
        "symbol": symbol,
        "frequency": resolution,
        "position": position,
        "staleness": None if position is None else (now_ms - position) / 1000,
        "gaps": gaps(bars),
        "lost_ticks": lost,
    }
    return table


def get_bars(
    symbol: str,
    count: int = 20,
    end_date: Any = None,
    frequency: str = "1h",
    fields: str | Iterable[str] | None = None,
) -> pandas.DataFrame:
    """The same as `get_price`, under the other name that strategies know."""
    return get_price(symbol, count, end_date, frequency, fields)


def _past_bars(
    test: Backtest, symbol: str, resolution: str, count: int, end_ms: int
) -> tuple[Sequence[Bar], list[dict[str, int]] | None]:
    if test.bars is not None:
        # Whatever the source says: what closed later is not to be seen.
        return merged((), test.bars.before(symbol, resolution, end_ms, count), count, end_ms), None
    recorded = _history().before(symbol, resolution, end_ms, count)
    return recorded.bars, recorded.lost_ticks


def _history() -> BarHistory:
    with _lock:
        return _history_at(_feed.subscription.endpoint)


@lru_cache(maxsize=4)
def _history_at(endpoint: str) -> BarHistory:
    return BarHistory(endpoint)


_live = LiveBars(_cache, lambda: _feed.connected, _history)
