"""Live bars: what the feed brought, and from the recording what is missing in that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from marketcamera.bars.bar import Bar
from marketcamera.bars.cache import BarCache
from marketcamera.bars.history import Recorded
from marketcamera.bars.merge import closed_by, merged, suffices


class History(Protocol):
    """Where recorded bars are asked for (`marketcamera.bars.history.BarHistory`)."""

    def before(self, symbol: str, resolution: str, end_ms: int | None, count: int) -> Recorded: ...


class LiveBars:
    """The last bars of a market by cache and history; `is_connected` tells whether the cache is being fed."""

    def __init__(self, cache: BarCache, is_connected: Callable[[], bool], history: Callable[[], History]) -> None:
        self._cache, self._is_connected, self._history = cache, is_connected, history

    def before(
        self, symbol: str, resolution: str, count: int, end_ms: int | None, now_ms: int
    ) -> tuple[Sequence[Bar], list[dict[str, int]] | None]:
        """The last `count` bars that had closed at `end_ms`, or by now, and the ticks that are lost in them.

        These are None where the recording was not asked. Raises MarketCameraError.
        """
        fed = self._is_connected()  # asked first: what is fed by then is in the cache
        store = self._cache.store_of(symbol)  # as well: bars of a later one are taken for those of an earlier one
        whole, is_joined = self._cache.whole_bars(symbol, resolution)
        replayed = self._cache.present_ms is not None
        if suffices(whole, count, end_ms, now_ms, fed=fed and is_joined, replayed=replayed):
            return closed_by(whole, end_ms)[-count:], None
        with self._cache.reading():
            recorded = self._history().before(symbol, resolution, end_ms, count)
        if None not in (store, recorded.store) and store != recorded.store:
            return recorded.bars, recorded.lost_ticks  # the feed will hear of it when it connects
        return merged(whole, recorded.bars, count, end_ms), recorded.lost_ticks
