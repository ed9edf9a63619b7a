"""Curves over the time of a run as inline SVG, in the colours of the page they stand in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Any

#: (seconds, value); where the value is None, the line breaks.
Points = list[tuple[float, float | None]]

_WIDTH, _HEIGHT = 720, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 18, 24
#: A pause of this many usual steps between two points is a time without the process: the line breaks.
_BREAK_STEPS = 3.5


def plot(curves: dict[str, Points], seconds: float, marks: list[dict[str, Any]], *, logarithmic: bool = False) -> str:
    """One picture. `marks` are kills, lines up to the top, and outages, bands: `at`, `until` and `text` of each."""
    curves = {name: points for name, points in curves.items() if points}
    if not curves or seconds <= 0:
        return '<p class="empty">Nothing was measured.</p>'
    axes = _Axes(seconds, [y for points in curves.values() for _, y in points if y is not None], logarithmic)
    parts = [*_bands(axes, marks), *_grid(axes)]
    parts += [_line(axes, points, number, name) for number, (name, points) in enumerate(sorted(curves.items()))]
    drawing = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'
    names = "".join(f'<li class="c{n % 8}">{escape(name)}</li>' for n, name in enumerate(sorted(curves)))
    return f'{drawing}<ul class="legend">{names}</ul>'


class _Axes:
    """Where a time and a value are in the picture."""

    def __init__(self, seconds: float, values: list[float], logarithmic: bool) -> None:
        self.seconds, self.logarithmic = seconds, logarithmic
        if logarithmic:
            self.ticks = _decades(values)
            self._low, self._high = math.log10(self.ticks[0]), math.log10(self.ticks[-1])
        else:
            self.ticks = _steps(0.0, max(values) or 1.0)
            self._low, self._high = 0.0, self.ticks[-1]

    def x(self, at: float) -> float:
        inside = min(max(at, 0.0), self.seconds)
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * inside / self.seconds, 1)

    def y(self, value: float) -> float:
        place = math.log10(max(value, self.ticks[0])) if self.logarithmic else value
        part = (place - self._low) / (self._high - self._low)
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * part, 1)


def _steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from `low` to one that is not below `high`."""
    rough = max(high - low, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough)
    return [low + step * n for n in range(math.ceil((high - low) / step - 1e-9) + 1)]


def _decades(values: list[float]) -> list[float]:
    low = math.floor(math.log10(max(min(values), 1.0)))
    high = max(math.ceil(math.log10(max(*values, 1.0))), low + 1)
    return [10.0**power for power in range(low, high + 1)]


def _grid(axes: _Axes) -> Iterator[str]:
    for value in axes.ticks:
        y = axes.y(value)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="value" x="{_LEFT - 5}" y="{y + 4}">{_short(value)}</text>'
    unit, name = (60.0, "min") if axes.seconds >= 180 else (1.0, "s")
    for at in _steps(0.0, axes.seconds / unit, 6):
        if at * unit <= axes.seconds:
            told = f"{at:g} {name}" if at == 0 else f"{at:g}"
            yield f'<text class="time" x="{axes.x(at * unit)}" y="{_HEIGHT - 7}">{told}</text>'


def _short(value: float) -> str:
    """At most four characters or so: 0.25, 800, 12k, 3M."""
    power = next((power for power in (6, 3) if value >= 10**power), 0)
    return f"{value / 10**power:.3g}" + {6: "M", 3: "k", 0: ""}[power]


def _bands(axes: _Axes, marks: list[dict[str, Any]]) -> Iterator[str]:
    for mark in marks:
        begin, bottom = axes.x(mark["at"]), _HEIGHT - _BOTTOM
        title = f"<title>{escape(mark['text'])}</title>"
        if mark["until"] is None:
            arrow = f"M{begin - 4} {_TOP - 9}h8l-4 8z"
            yield f'<g class="kill">{title}<path class="line" d="M{begin} {_TOP}V{bottom}"/><path d="{arrow}"/></g>'
        else:
            width = max(round(axes.x(mark["until"]) - begin, 1), 1.5)
            kind = f"outage {escape(mark['part'])}"
            yield f'<rect class="{kind}" x="{begin}" y="{_TOP}" width="{width}" height="{bottom - _TOP}">{title}</rect>'


def _line(axes: _Axes, points: Points, number: int, name: str) -> str:
    between = sorted(b[0] - a[0] for a, b in pairwise(points) if b[0] > a[0])
    longest = _BREAK_STEPS * between[len(between) // 2] if between else math.inf
    path, before = "", -math.inf
    for at, value in points:
        if value is not None:
            path += f"{'L' if at - before <= longest else 'M'}{axes.x(at)} {axes.y(value)}"
        before = -math.inf if value is None else at
    return f'<path class="curve c{number % 8}" d="{path}"><title>{escape(name)}</title></path>'
