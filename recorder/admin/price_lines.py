"""The course of the price in each segment of a list, as a small line: a few rows of the roll-up for the whole list."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from market.tick import Floats
from recorder.digests.digest import METRICS
from recorder.digests.overview import exponent_for
from recorder.digests.roll_up import rolled_buckets
from recorder.models import Market
from recorder.spans import Span
from runtime.admin_columns import NOTHING

_WIDTH, _HEIGHT = 50, 16

#: As many for a segment as its line has room for, where segments are of one length and follow each other.
_BUCKETS = 25

#: Fewer are no course; and the outermost hold ticks of the segments beside it, too.
_FEWEST = 3


def price_lines(market: Market, spans: Sequence[Span]) -> list[SafeString | str]:
    """A line for each (first t, last t) of a market; none where the digests say too little of it.

    Raises django.db.Error.
    """
    t0, t1 = min(first for first, _ in spans), max(last for _, last in spans)
    exponent = exponent_for(t0, t1, _BUCKETS * len(spans))
    found = rolled_buckets(market, METRICS, exponent, t0, t1)
    if found is None:
        return [NOTHING] * len(spans)
    parts = [found.numbered(first >> exponent, last >> exponent) for first, last in spans]
    return [_line(part.means(0)) if len(part) >= _FEWEST else NOTHING for part in parts]


def _line(prices: Floats) -> SafeString:
    low, high = float(prices.min()), float(prices.max())
    step, scale = (_WIDTH - 2) / (prices.size - 1), (_HEIGHT - 2) / ((high - low) or 1.0)
    points = " ".join(f"{1 + i * step:.1f},{1 + (high - price) * scale:.1f}" for i, price in enumerate(prices.tolist()))
    return format_html(
        '<svg width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="price between {low} and {high}">'
        '<polyline points="{points}" fill="none" stroke="currentColor"/></svg>',
        w=_WIDTH,
        h=_HEIGHT,
        low=f"{low:,.2f}",
        high=f"{high:,.2f}",
        points=points,
    )
