"""The time of bars: market time, which continues even if the ticks of a source are in the past.

Why: docs/architecture.md, "Market time".
"""

from __future__ import annotations

import math

from bars.making.resolutions import SECOND_MS
from market.timestamps import END_TS

#: Bars begin before this.
END_MS = int(END_TS) * SECOND_MS

#: A source may stamp its ticks slightly out of order. A tick further back than this is of another source, or of a tape
#: that starts again.
MOST_LATE_MS = 60_000


def has_place(ts: float | None) -> bool:
    """Whether a tick has a place among bars.

    It has none without a ts, or with an invalid time, as in older recordings of tapes in other units.
    """
    return ts is not None and 0 <= ts < END_TS


class MarketTime:
    """The place of a tick's ts among the bars; it never goes back by more than `MOST_LATE_MS`.

    Ticks in the past, of an old tape after newer ticks, are shifted by one constant, so that the first of them follows
    the current second. They return to their own ts as soon as that has caught up. All of this depends only on the
    ticks: reading them again gives the same result.
    """

    def __init__(self) -> None:
        self._shift_ms = 0
        self._due_ms: int | None = None

    def stand_before(self, due_ms: int) -> None:
        """The next tick belongs to this second, which begins behind the second under way."""
        self._due_ms = due_ms

    def second_of(self, ts: float, under_way_ms: int | None) -> int:
        """The beginning of a tick's second, in milliseconds; `under_way_ms` is that of the tick before, if any."""
        own_ms = math.floor(ts) * SECOND_MS
        due_ms, self._due_ms = self._due_ms, None
        if under_way_ms is not None and own_ms >= under_way_ms:
            self._shift_ms = 0
        elif due_ms is not None:
            self._shift_ms = due_ms - own_ms
        elif under_way_ms is not None and not self._goes_on(own_ms, under_way_ms):
            self._shift_ms = under_way_ms + SECOND_MS - own_ms
        return own_ms + self._shift_ms

    def _goes_on(self, own_ms: int, under_way_ms: int) -> bool:
        """Whether a tick in the past follows those before it, with their shift.

        If it would then be further ahead than its own ts is behind, it is of another source.
        """
        ahead_ms = own_ms + self._shift_ms - under_way_ms
        return -MOST_LATE_MS <= ahead_ms <= under_way_ms - own_ms
