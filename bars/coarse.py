"""Bars of an hour and a day in the database: made from finer rows where those reach further.

While a market runs, the builder makes them with the tick that closes them. This module is for the rows of a version
that stored only seconds and minutes, and for rows that were made again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from bars import stored
from bars.making.resolutions import COARSE
from bars.models import Bar
from bars.reading import closed_bars
from recorder.models import Market
from runtime.db_threads import Ask, directly

#: A transaction; what was written before an end is not made again.
_BATCH_BARS = 500


def make_up(market: Market, stop: Callable[[], bool] = lambda: False, ask: Ask = directly) -> int:
    """Write the bars that have ended and are missing, from the end of the rows on; returns how many.

    Each query goes through `ask`. Raises django.db.Error.
    """
    written = 0
    for resolution in COARSE:
        kept_ms = ask(partial(stored.kept_to, market, resolution))
        bars = closed_bars(market.symbol, resolution, from_ms=kept_ms, ask=ask)
        while not stop() and (batch := list(islice(bars, _BATCH_BARS))):
            ask(partial(stored.save_bars, market, batch))
            written += len(batch)
    return written


def remove(market: Market) -> None:
    """Remove the rows, because the finer ones they were made from are about to change. Raises django.db.Error."""
    Bar.objects.filter(market=market, resolution__in=COARSE).delete()
