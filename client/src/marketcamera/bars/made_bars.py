"""Bars of lengths that no server keeps, made of bars of a length that it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from marketcamera.bars.bar import FREQUENCIES, Bar, Made


def parts_for(made: Made, count: int) -> int:
    """How many parts hold `count` whole bars, wherever in a period they begin and end."""
    return (count + 2) * made.parts


def bars_of_parts(frequency: str, made: Made, parts: Sequence[Bar], asked: int) -> list[Bar]:
    """The closed bars that these parts make, oldest first; `asked` is how many parts were asked for.

    A bar is closed when its last part is, or where that one is missing, when a later part is. One whose first parts
    may not have been handed out, since there are as many as were asked for, is left out.

    As in a server's bars, a part in which nothing was traded, and which therefore only repeats the last close, does not
    count beside others. A bar does not tell how many matches it has: a part is taken for one of these if its volume is
    0 and its four prices are the close of the part before it. So is one of a market without prices of matches whose
    price stood still, or of matches without a size at that price. This changes a bar only if it begins with such a
    part: its prices are those of the parts behind it. A part before which none is known counts.
    """
    length_ms = FREQUENCIES[frequency]
    whole = []
    before: Bar | None = None
    for open_time, group in groupby(parts, lambda part: _open_time(part, made, length_ms)):
        bars = list(group)
        is_cut = bars[0] is parts[0] and len(parts) >= asked and bars[0].open_time > open_time
        is_closed = bars[-1] is not parts[-1] or bars[-1].close_time >= open_time + length_ms
        if is_closed and not is_cut:
            whole.append(_joined(frequency, open_time, open_time + length_ms, _counting(bars, before)))
        before = bars[-1]
    return whole


def _open_time(part: Bar, made: Made, length_ms: int) -> int:
    return part.open_time - (part.open_time - made.begin_ms) % length_ms


def _counting(parts: Sequence[Bar], before: Bar | None) -> Sequence[Bar]:
    """The parts that do not repeat the close of the one before them; all, if each does."""
    pairs = zip((before, *parts), parts, strict=False)
    return [part for former, part in pairs if former is None or not _repeats(part, former.close)] or parts


def _repeats(part: Bar, close: float) -> bool:
    return part.volume == 0 and part.open == part.high == part.low == part.close == close


def _joined(frequency: str, open_time: int, close_time: int, parts: Sequence[Bar]) -> Bar:
    return Bar(
        parts[0].symbol,
        frequency,
        open_time,
        close_time,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum(part.volume for part in parts),
    )
