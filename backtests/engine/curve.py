"""An equity curve as a picture: SVG without script or style, so that it can stand in any page."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from backtests.bar import iso

_WIDTH, _HEIGHT = 760, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 90, 10, 10, 24


def equity_svg(points: Sequence[tuple[int, float]], cash: float) -> SafeString:
    """The value over time, and a line at the cash it began with."""
    low, high = min(cash, *(value for _, value in points)), max(cash, *(value for _, value in points))
    first, last = points[0][0], points[-1][0]

    def x(ms: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (ms - first) / max(1, last - first)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / ((high - low) or 1)

    path = " ".join(f"{x(ms):.1f},{y(value):.1f}" for ms, value in points)
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"'
        ' aria-label="equity curve" font-family="sans-serif" font-size="11" fill="currentColor">'
        '<line x1="{left}" x2="{right}" y1="{cash}" y2="{cash}" stroke="#999999" stroke-dasharray="4 3"/>'
        '<polyline points="{path}" fill="none" stroke="#2a78b8" stroke-width="1.5"/>'
        '<text x="{edge}" y="{top}" text-anchor="end">{high}</text>'
        '<text x="{edge}" y="{bottom}" text-anchor="end">{low}</text>'
        '<text x="{left}" y="{foot}">{begin}</text><text x="{right}" y="{foot}" text-anchor="end">{end}</text></svg>',
        w=_WIDTH,
        h=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        cash=f"{y(cash):.1f}",
        path=path,
        edge=_LEFT - 6,
        top=_TOP + 10,
        bottom=_HEIGHT - _BOTTOM,
        foot=_HEIGHT - 6,
        high=f"{high:,.2f}",
        low=f"{low:,.2f}",
        begin=iso(first),
        end=iso(last),
    )
