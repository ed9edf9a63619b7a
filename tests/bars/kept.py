"""The bars that are kept, and those that are to be, for the tests of their rows."""

from __future__ import annotations

from bars import stored
from bars.making.builder import Builder
from bars.models import Bar, Gap
from tests.bars.conftest import walk

#: An old tape behind newer ticks.
OLD = [*walk(300), *walk(700, first_t=300, step=0.25, back=86_400)]


def rows():
    """Everything that is kept, as it can be compared."""
    bars = Bar.objects.order_by("resolution", "open_ms").values_list(*stored.FIELDS)
    return list(bars), list(Gap.objects.order_by("from_t").values_list("from_t", "to_t", "at_ms"))


def built(ticks):
    """What is to be kept of some ticks, and every bar, live."""
    builder, closings, closed = Builder(), [], []
    for one in ticks:
        bars = builder.take(one)
        closed += bars
        closing = stored.closing_of(builder, bars)
        if closing is not None:
            closings.append(closing)
    return closings, closed


def expected(ticks):
    closings, _ = built(ticks)
    bars = [tuple(bar) for closing in closings for bar in closing.bars]
    gaps = [(*closing.gap, closing.at_ms) for closing in closings if closing.gap]
    return sorted(bars, key=lambda bar: (bar[0], bar[1])), gaps
