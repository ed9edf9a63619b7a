"""Which trades were taken already: no trade counts twice, however often the venue repeats it."""

from __future__ import annotations

import math
from typing import Any

from market.tick import Tick
from market.trades.trade import Trade

#: So many ids are remembered: 40 s of the busiest market, and hours of most. That is some MB.
MOST_IDS = 20_000

_Content = tuple[str, str, float, float]


class SeenTrades:
    """Remembers trades by their ids, in bounded memory.

    A trade that is older than one whose id was forgotten may have been taken, and is not taken again. `recorded` ticks
    are those of which the trades' ids are not known: they came behind the last checkpoint before a crash. Their trades
    are recognised by buyer, seller, price and size.
    """

    def __init__(self, most_ids: int = MOST_IDS) -> None:
        self._most_ids = most_ids
        #: Times by id, in the order in which they came.
        self._times: dict[str, float] = {}
        #: The newest time of a trade whose id is forgotten.
        self._forgotten_to = -math.inf
        #: By content, the ends of the ticks that recorded such trades.
        self._recorded: dict[_Content, list[float]] = {}
        self.too_old = 0

    def __contains__(self, trade: Trade) -> bool:
        """Whether the id is one of those remembered, or the trade is like one that is recorded."""
        return trade.id in self._times or self._recorded_end(trade) is not None

    def take(self, trade: Trade) -> bool:
        """Whether the trade is new; from now on it is not."""
        assert trade.id is not None
        if trade.id in self._times:
            return False
        if trade.time <= self._forgotten_to:
            self.too_old += 1
            return False
        self._remember(trade.id, trade.time)
        return not self.is_recorded(trade)

    def is_recorded(self, trade: Trade) -> bool:
        """Whether a recorded tick has this trade, which then counts as found there."""
        if (end := self._recorded_end(trade)) is None:
            return False
        content = _content(trade)
        self._recorded[content].remove(end)
        if not self._recorded[content]:
            del self._recorded[content]
        return True

    def forget_before(self, time: float) -> None:
        """Take no trade of this time (Unix seconds) or before that is not remembered."""
        self._forgotten_to = max(self._forgotten_to, time)

    def note_recorded(self, tick: Tick, end: float) -> None:
        """A tick that is on the tape, with the end of its interval (Unix seconds)."""
        if tick.names is None or tick.match_prices is None or tick.match_sizes is None:
            return
        parties = ([tick.names[i] for i in column.tolist()] for column in (tick.match_a, tick.match_b))
        for content in zip(*parties, tick.match_prices.tolist(), tick.match_sizes.tolist(), strict=True):
            self._recorded.setdefault(content, []).append(end)

    def _remember(self, id: str, time: float) -> None:
        self._times[id] = time
        while len(self._times) > self._most_ids:
            oldest = next(iter(self._times))
            self.forget_before(self._times.pop(oldest))

    def _recorded_end(self, trade: Trade) -> float | None:
        """The end of the first tick that may have recorded it: none did before it happened."""
        return min((end for end in self._recorded.get(_content(trade), ()) if end > trade.time), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Everything that it remembers, as plain JSON values."""
        horizon = None if math.isinf(self._forgotten_to) else self._forgotten_to
        recorded = [[*content, ends] for content, ends in self._recorded.items() if max(ends) > self._forgotten_to]
        return {"ids": list(self._times.items()), "forgotten_to": horizon, "recorded": recorded}

    def restore(self, saved: dict[str, Any]) -> None:
        """Remember what `to_dict` told. Raises KeyError, TypeError, ValueError."""
        self._times = {id: float(time) for id, time in saved["ids"]}
        self._forgotten_to = -math.inf if saved["forgotten_to"] is None else float(saved["forgotten_to"])
        self._recorded = {(a, b, price, size): ends for a, b, price, size, ends in saved["recorded"]}


def _content(trade: Trade) -> _Content:
    return trade.buyer, trade.seller, trade.price, trade.size
