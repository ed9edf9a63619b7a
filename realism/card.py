"""The realism card of a market: its stylised facts over one second and one minute, from its recorded bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models.functions import Coalesce

from bars import reading, stored
from bars.making.market_time import END_MS
from bars.making.resolutions import PERIOD_MS
from realism.facts import Finding, findings
from realism.series import PriceBars, series_of
from recorder.models import Run, market_key

HORIZONS = ("1s", "1m")

#: Of each horizon the newest bars count: five and a half hours of seconds, two weeks of minutes. Reading them takes a
#: tenth of a second.
MOST_BARS = 20_000


@dataclass(frozen=True)
class Span:
    """The bars of a horizon that a card is made of, and their first and last tick; None without any."""

    horizon: str
    bars: int
    t0: int | None
    t1: int | None


@dataclass(frozen=True)
class Card:
    """What a range of ticks shows of each stylised fact, and of which bars."""

    spans: list[Span]
    findings: list[Finding]

    def form(self) -> dict[str, Any]:
        """As it is sent."""
        firsts = [span.t0 for span in self.spans if span.t0 is not None]
        lasts = [span.t1 for span in self.spans if span.t1 is not None]
        return {
            "t0": min(firsts, default=None),
            "t1": max(lasts, default=None),
            "horizons": {span.horizon: {"bars": span.bars, "t0": span.t0, "t1": span.t1} for span in self.spans},
            "facts": [finding.form() for finding in self.findings],
        }


def card_of(symbol: str, t0: int | None = None, t1: int | None = None) -> Card:
    """The card of the closed bars that lie within t0..t1, None being no bound. Raises django.db.Error."""
    spans, found = [], []
    runs = list(Run.objects.filter(market_id=market_key(symbol)).values_list("first_t", flat=True))
    for horizon in HORIZONS:
        bars = price_bars(symbol, horizon, t0, t1)
        ends = (int(bars.first_t[0]), int(bars.last_t[-1])) if bars.open_ms.size else (None, None)
        spans.append(Span(horizon, bars.open_ms.size, *ends))
        found += findings(series_of(bars, PERIOD_MS[horizon], runs, MOST_BARS), horizon)
    return Card(spans, found)


def price_bars(symbol: str, resolution: str, t0: int | None, t1: int | None, most: int = MOST_BARS) -> PriceBars:
    """The newest closed bars of a stored resolution whose ticks all lie within t0..t1. Raises django.db.Error.

    Their price is that of the ticks, also where bars are made of trades: the prices of these jump between bid and ask.
    """
    begin_ms = 0 if t0 is None else reading.second_from(symbol, t0)
    end_ms = END_MS if t1 is None else reading.second_from(symbol, t1 + 1)
    rows = stored.rows(symbol, resolution, begin_ms, end_ms).order_by("-open_ms")
    columns = "open_ms", Coalesce("price_close", "close"), "volume", "first_t", "last_t"
    newest = list(rows.values_list(*columns)[:most])[::-1]
    open_ms, close, volume, first_t, last_t = np.array(newest, float).reshape(-1, 5).T
    whole = (first_t >= (0 if t0 is None else t0)) & (last_t <= (np.inf if t1 is None else t1))
    times, firsts, lasts = (part[whole].astype(np.int64) for part in (open_ms, first_t, last_t))
    return PriceBars(times, close[whole], volume[whole], firsts, lasts)
