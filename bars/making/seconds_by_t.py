"""The stored bars of seconds by t, though their index is by time."""

from __future__ import annotations

from django.db.models import Min

from bars import stored
from bars.making.market_time import END_MS
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS, period_start
from recorder.models import Market

_HOUR_MS = PERIOD_MS["1h"]


class SecondsByT:
    """Finds seconds of a market by t, without a look at every row for each.

    t need not rise with time among these rows: they may be of a version that placed ticks in other seconds, which is
    why they are made again. A search by halves could therefore miss what it looks for. Instead the least t of each hour
    is known: of all rows it is read once, then of those that have `changed`.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._least: dict[int, int] = {}
        self._unread = (0, END_MS)

    def changed(self, from_ms: int, to_ms: int) -> None:
        """Rows of a time, its end included, were removed or written."""
        self._unread = (min(self._unread[0], from_ms), max(self._unread[1], to_ms + 1))

    def up_to(self, t: int) -> Ohlcv | None:
        """The newest bar of a second that begins with a tick or one before it; None without any. Raises
        django.db.Error."""
        self._read()
        hour_ms = max((one for one, least_t in self._least.items() if least_t <= t), default=None)
        return None if hour_ms is None else stored.second_up_to(self._market, t, hour_ms, hour_ms + _HOUR_MS)

    def _read(self) -> None:
        """Read the least t of the hours that are not known."""
        at_ms, end_ms = self._unread
        at_ms = period_start(at_ms, "1h") if at_ms < end_ms else end_ms
        self._least = {one: least_t for one, least_t in self._least.items() if not at_ms <= one < end_ms}
        while (second_ms := self._next(at_ms, end_ms)) is not None:
            hour_ms = period_start(second_ms, "1h")
            at_ms = hour_ms + _HOUR_MS
            self._least[hour_ms] = stored.rows(self._market, "1s", hour_ms, at_ms).aggregate(t=Min("first_t"))["t"]
        self._unread = (END_MS, 0)

    def _next(self, at_ms: int, end_ms: int) -> int | None:
        """When the next second begins, None if there is none."""
        if at_ms >= end_ms:
            return None
        return stored.rows(self._market, "1s", at_ms, end_ms).values_list("open_ms", flat=True).first()
