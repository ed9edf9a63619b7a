"""The time by which bars are made: market time, which goes on also where the ticks of a source lie in the past.

Why: docs/architecture.md, "Market time".
"""

from __future__ import annotations

import math

from bars.making.resolutions import SECOND_MS
from market.timestamps import END_TS

#: Bars begin before this.
END_MS = int(END_TS) * SECOND_MS

#: A source may stamp its ticks a little out of order; what goes further back than this is another source, or a tape
#: that begins again.
MOST_LATE_MS = 60_000


def has_place(ts: float | None) -> bool:
    """Whether a tick has a place among bars: not without a ts, nor with one that no calendar has, as older recordings
    of tapes in other units hold."""
    return ts is not None and 0 <= ts < END_TS


class MarketTime:
    """Where on the way of bars a tick's ts stands; it never goes back by more than `MOST_LATE_MS`.

    Ticks of the past, of an old tape behind newer ticks, are shifted by one constant, so that the first follows the
    second under way. They stand where their own ts says as soon as that has come up to it again. All of this follows
    from the ticks alone: whoever reads them again finds the same.
    """

    def __init__(self) -> None:
        self._shift_ms = 0
        self._due_ms: int | None = None

    def stand_before(self, due_ms: int) -> None:
        """The next tick is the one that stands at this second."""
        self._due_ms = due_ms

    def second_of(self, ts: float, under_way_ms: int | None) -> int:
        """The beginning of a tick's second, in milliseconds; `under_way_ms` is that of the tick before, if any."""
        own_ms = math.floor(ts) * SECOND_MS
        due_ms, self._due_ms = self._due_ms, None
        if under_way_ms is not None and own_ms >= under_way_ms:
            self._shift_ms = 0
        elif due_ms is not None:
            self._shift_ms = due_ms - own_ms if due_ms - own_ms > MOST_LATE_MS else 0
        elif under_way_ms is not None and not self._goes_on(own_ms, under_way_ms):
            self._shift_ms = under_way_ms + SECOND_MS - own_ms
        return own_ms + self._shift_ms

    def _goes_on(self, own_ms: int, under_way_ms: int) -> bool:
        """Whether a tick of the past is the next one of those before, by the shift they have. Where it would then be
        further ahead than its own ts is behind, it is of another source."""
        ahead_ms = own_ms + self._shift_ms - under_way_ms
        return -MOST_LATE_MS <= ahead_ms <= under_way_ms - own_ms
