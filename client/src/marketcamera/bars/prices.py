"""Prices for strategies: the same call live and in a backtest."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from functools import lru_cache
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from marketcamera.asking import ATTEMPTS
from marketcamera.backtest import Backtest, current_backtest
from marketcamera.bars.bar import MADE, Bar, frequency_of
from marketcamera.bars.cache import BarCache
from marketcamera.bars.history import BarHistory
from marketcamera.bars.live_bars import LiveBars
from marketcamera.bars.made_bars import bars_of_parts, parts_for
from marketcamera.bars.merge import gaps, merged
from marketcamera.bars.table import bar_table, chosen_fields, chosen_zone
from marketcamera.environment import zone_from_environment
from marketcamera.feed.client import BarFeed
from marketcamera.moments import milliseconds
from marketcamera.whole import whole

if TYPE_CHECKING:
    import pandas

Found = tuple[Sequence[Bar], list[dict[str, int]] | None]

#: Bars that are given where a program does not say how many.
_COUNT = 20

#: In a replay the clock waits as well: a server that starts again, in a minute or so, costs no strategy a bar.
_REPLAY_ATTEMPTS = 12

#: What other markets' clients are told, and means nothing here: prices have no splits, trading no pauses.
_MEANINGLESS = frozenset({"fq", "skip_paused", "fill_paused", "panel"})

_cache = BarCache()
_feed = BarFeed(_cache)
_lock = threading.Lock()
_warned: set[str] = set()


def get_websocket_manager() -> BarFeed:
    """The feed of this process."""
    return _feed


def get_websocket_cache() -> BarCache:
    """The bars that the feed of this process brought."""
    return _cache


def get_price(
    symbol: str,
    count: int | None = None,
    end_date: Any = None,
    frequency: str = "1h",
    fields: str | Iterable[str] | None = None,
    *,
    tz: str | tzinfo | EllipsisType | None = ...,
    **others: Any,
) -> pandas.DataFrame:
    """The last `count` closed bars (20), oldest first, fewer where there are no more: open, high, low, close, volume.

    float64 columns on a UTC DatetimeIndex of close times, named `close_time`. `end_date` (ISO 8601 text, date, datetime
    or ms; UTC if it names no zone) leaves out what had not closed by then. `fields` chooses columns. `tz` is another
    zone for the index, by name; None is UTC without a zone. What the feed has brought is used first, the rest comes
    from the server's recording. In a `Backtest` nothing that closed after the bar at hand is seen, in a replay nothing
    that closed after its present.

    Bars of `30m` and `1w` (from Monday, UTC) are made of those of 15m and 1d: one has closed when its last part has.

    `attrs` of the table: `position`, the close time of the last bar in ms, None without any; `staleness`, seconds since
    then by this machine's clock, in a backtest or a replay by its own; `gaps`, the spans between bars for which there
    is none, `from` and `to` in ms; `lost_ticks`, the ranges `from_t`, `to_t` whose ticks are missing in recorded bars
    (None where the recording was not asked).

    `fq`, `skip_paused`, `fill_paused` and `panel` are taken and mean nothing; other names are warned of, each once.

    Raises ValueError for what cannot be asked, MarketCameraError when the server cannot answer.
    """
    _warn_of(others)
    frequency, columns = frequency_of(frequency), chosen_fields(fields)
    zone = chosen_zone(zone_from_environment() if isinstance(tz, EllipsisType) else tz)
    count = _COUNT if count is None else whole("count", count, 1)
    end_ms = None if end_date is None else milliseconds(end_date)
    test = current_backtest()
    now_ms = _present_ms() if test is None else test.now_ms
    if now_ms is None:
        now_ms = time.time_ns() // 1_000_000
    else:
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
    bars, lost = _bars(test, symbol, frequency, count, end_ms, now_ms)
    table = bar_table(bars, columns, zone)
    position = bars[-1].close_time if bars else None
    table.attrs |= {
        "symbol": symbol,
        "frequency": frequency,
        "position": position,
        "staleness": None if position is None else (now_ms - position) / 1000,
        "gaps": gaps(bars),
        "lost_ticks": lost,
    }
    return table


def get_bars(
    symbol: str,
    count: int | None = None,
    end_date: Any = None,
    frequency: str = "1h",
    fields: str | Iterable[str] | None = None,
    *,
    unit: str | None = None,
    tz: str | tzinfo | EllipsisType | None = ...,
    **others: Any,
) -> pandas.DataFrame:
    """The same as `get_price`, under the other name that strategies know; `unit` is another name of `frequency`."""
    _warn_of(others)
    return get_price(symbol, count, end_date, frequency if unit is None else unit, fields, tz=tz)


def _warn_of(others: Iterable[str]) -> None:
    """Tell the program that calls `get_price`, once for each name, what is not known here."""
    for name in others:
        if name not in _MEANINGLESS and name not in _warned:
            _warned.add(name)
            warnings.warn(f"{name}= is not known here and is ignored", stacklevel=3)


def _present_ms() -> int | None:
    """Where the feed's replay is; None where it is live."""
    _feed.start_if_environment_says_so()
    return _feed.present_ms


def _bars(test: Backtest | None, symbol: str, frequency: str, count: int, end_ms: int | None, now_ms: int) -> Found:
    """The last `count` bars, of a length that is kept or made of one that is."""
    made = MADE.get(frequency)
    if made is None:
        return _kept_bars(test, symbol, frequency, count, end_ms, now_ms)
    asked = parts_for(made, count)
    parts, lost = _kept_bars(test, symbol, made.resolution, asked, end_ms, now_ms)
    return bars_of_parts(frequency, made, parts, asked)[-count:], lost


def _kept_bars(
    test: Backtest | None, symbol: str, resolution: str, count: int, end_ms: int | None, now_ms: int
) -> Found:
    if test is None:
        return _live.before(symbol, resolution, count, end_ms, now_ms)
    return _past_bars(test, symbol, resolution, count, now_ms if end_ms is None else end_ms)


def _past_bars(test: Backtest, symbol: str, resolution: str, count: int, end_ms: int) -> Found:
    if test.bars is not None:
        # Whatever the source says: what closed later is not to be seen.
        return merged((), test.bars.before(symbol, resolution, end_ms, count), count, end_ms), None
    recorded = _history().before(symbol, resolution, end_ms, count)
    return recorded.bars, recorded.lost_ticks


def _history() -> BarHistory:
    with _lock:
        return _history_at(_feed.subscription.endpoint, ATTEMPTS if _cache.present_ms is None else _REPLAY_ATTEMPTS)


@lru_cache(maxsize=4)
def _history_at(endpoint: str, attempts: int) -> BarHistory:
    return BarHistory(endpoint, attempts=attempts)


_live = LiveBars(_cache, lambda: _feed.connected, _history)
