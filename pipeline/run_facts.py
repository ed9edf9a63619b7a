"""The facts of a run: its place in the store and its prices, for its row, its checkpoints and its bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from market.price_range import PriceRange, PriceRanges
from pipeline.continuation import Placement
from recorder.models import Market
from recorder.recovery.run_registry import price_columns, price_range_in, price_ranges


class RunFacts:
    """A run of the source that the setting `source` names, under `settings` or, if it continues, under its own.

    `ask_price_range` asks the source, which may know its prices only with its first tick; `saved` are the facts in the
    checkpoint of a run that continues. `head_start` is how many ticks of it are made at once, as its past.
    """

    def __init__(
        self,
        placement: Placement,
        source: str,
        settings: dict[str, Any],
        ask_price_range: Callable[[], tuple[float, float] | None],
        saved: dict[str, Any] | None = None,
        head_start: int = 0,
    ) -> None:
        self._head_start = head_start if saved is None else saved.get("head_start", 0)
        self._placement, self._source = placement, source
        self.settings: dict[str, Any] = settings if saved is None else saved["settings"]
        self._ask = ask_price_range
        self._price_range = None if saved is None else price_range_in(saved)

    def head_start_left(self, next_t: int) -> int:
        """How many ticks from `next_t` on are still of the head start."""
        return max(0, self._placement.first_t + self._head_start - next_t)

    def price_range(self) -> PriceRange | None:
        """The run's price range; None while nothing shows it. Raises MarketError for one that cannot be."""
        if self._price_range is None and (known := self._ask()) is not None:
            self._price_range = PriceRange(*known)
        return self._price_range

    def price_ranges(self, market: Market) -> PriceRanges:
        """Those of all runs of the market, with this one as the last. Raises django.db.Error."""
        return price_ranges(market, (self._placement.first_t, self.price_range))

    def shown(self) -> dict[str, Any]:
        """The columns of the run's row that its ticks showed."""
        t_shift, prices = self._placement.t_shift, self.price_range()
        return ({} if t_shift is None else {"t_shift": t_shift}) | ({} if prices is None else price_columns(prices))

    def for_checkpoint(self) -> dict[str, Any]:
        """Enough to continue without a database."""
        place, prices = self._placement, self.price_range()
        return {
            "first_t": place.first_t,
            "start_ts": place.start_ts,
            "tick_interval": place.interval,
            "t_shift": place.t_shift,
            "head_start": self._head_start,
            "price_range": None if prices is None else [prices.low, prices.high],
            "source": self._source,
            "settings": self.settings,
        }
