"""Bars in the database: written, removed, and read as the state from which a builder continues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from bars.making.builder import Builder
from bars.making.market_time import END_MS
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS, STORED, period_start
from bars.models import Bar, Gap
from market.price_range import PriceRanges
from recorder.models import Market, market_key

FIELDS = Ohlcv._fields
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in FIELDS if name not in ("resolution", "open_ms"))

#: Compiled once: Django's `bulk_create` compiles each value of each row, which takes ten times as long as the rest.
_SAVE = f"""
INSERT INTO bars_bar (market_id, {", ".join(FIELDS)}) VALUES (%s{", %s" * len(FIELDS)})
ON CONFLICT (market_id, resolution, open_ms) DO UPDATE SET {_CHANGES}
"""


#: The column holds as many; nobody asks more of them than whether there are any. A column of 64 bits would have
#: PostgreSQL rewrite the table, with years of rows, while nothing reads or writes it.
_MOST_MATCHES = 2**31 - 1


class Closing(NamedTuple):
    """The results of tick t: bars that closed, of stored resolutions, and ticks missing before it."""

    t: int
    bars: Sequence[Ohlcv]
    gap: tuple[int, int] | None
    at_ms: int


def closing_of(builder: Builder, closed: Iterable[Ohlcv]) -> Closing | None:
    """The closing to store after a builder took a tick; None if there is none."""
    bars = [bar for bar in closed if bar.resolution in STORED]
    if builder.t is None or builder.second_ms is None or not (bars or builder.gap):
        return None
    return Closing(builder.t, bars, builder.gap, builder.second_ms)


def save(market: Market, closings: Sequence[Closing]) -> None:
    """Write closings in one transaction; existing rows are overwritten. Raises django.db.Error."""
    bars = [bar for closing in closings for bar in closing.bars]
    gaps = [Gap(market=market, at_ms=one.at_ms, from_t=one.gap[0], to_t=one.gap[1]) for one in closings if one.gap]
    with transaction.atomic():
        save_bars(market, bars)
        Gap.objects.bulk_create(
            gaps, update_conflicts=True, unique_fields=["market", "from_t"], update_fields=["at_ms", "to_t"]
        )


def save_bars(market: Market, bars: Iterable[Ohlcv]) -> None:
    """Write bars; existing rows are overwritten. Raises django.db.Error."""
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.executemany(_SAVE, [(market.pk, *_held(bar)) for bar in bars])


def _held(bar: Ohlcv) -> Ohlcv:
    return bar if bar.matches <= _MOST_MATCHES else bar._replace(matches=_MOST_MATCHES)


def rows(market: Market | str, resolution: str, from_ms: int = 0, before_ms: int = END_MS) -> QuerySet[Bar]:
    """The rows of a market, given as row or symbol, that begin at a time or later and before another, by time; none of
    times that cannot be (`bars.making.market_time`).

    Bounds are given here and not as filters on what this returns: of two lower ones SQLite searches its index by the
    first and reads every row from there to the second.
    """
    span = {"open_ms__gte": max(from_ms, 0), "open_ms__lt": min(before_ms, END_MS)}
    return Bar.objects.filter(market_id=market_key(market), resolution=resolution, **span).order_by("open_ms")


def ohlcv(found: QuerySet[Bar]) -> list[Ohlcv]:
    return [_sound(Ohlcv(*values)) for values in found.values_list(*FIELDS)]


def _sound(bar: Ohlcv) -> Ohlcv:
    """The bar; of one that was followed by a tick of a time that cannot be nobody knows when the next one began."""
    return bar if bar.next_ms < END_MS else bar._replace(next_ms=bar.close_ms)


def newest(market: Market | str, before_ms: int = END_MS) -> Ohlcv | None:
    """The newest bar of a second that begins before a time: everything that closed before its `next_ms` is in the
    database."""
    return _last(rows(market, "1s", before_ms=before_ms))


def kept_to(market: Market | str, resolution: str) -> int | None:
    """The end of the newest stored bar of a resolution, in milliseconds; None without any."""
    found = rows(market, resolution).order_by("-open_ms").values_list("open_ms", flat=True).first()
    return None if found is None else int(found) + PERIOD_MS[resolution]


def second_up_to(market: Market, t: int, from_ms: int, before_ms: int) -> Ohlcv | None:
    """Of a time's bars of seconds that which includes a tick, or else the last one before it; None without any.

    It may look at every one of them: no index is by t.
    """
    return _last(rows(market, "1s", from_ms, before_ms).filter(first_t__lte=t))


def _last(found: QuerySet[Bar]) -> Ohlcv | None:
    bars = ohlcv(found.order_by("-open_ms")[:1])
    return bars[0] if bars else None


def take_back(market: Market, from_t: int) -> None:
    """Remove bars that include a tick from this t on, which will be made again, and those of invalid times."""
    with transaction.atomic():
        Bar.objects.filter(market=market, resolution__in=STORED, open_ms__gte=END_MS).delete()
        Gap.objects.filter(market=market, at_ms__gte=END_MS).delete()
        for resolution in STORED:
            last_before = _last_before(market, resolution, from_t)
            rows(market, resolution, 0 if last_before is None else last_before + 1).delete()
        Gap.objects.filter(market=market, to_t__gte=from_t).delete()


def _last_before(market: Market, resolution: str, from_t: int) -> int | None:
    """When the last bar begins that ends before this t. It is among the newest rows, and looked for from there."""
    found = rows(market, resolution).filter(last_t__lt=from_t).order_by("-open_ms")
    return found.values_list("open_ms", flat=True).first()


def builder_from(market: Market, ranges: PriceRanges) -> Builder:
    """A builder that continues after the rows; a new one without any."""
    builder = Builder(ranges)
    last = newest(market)
    if last is not None:
        minute, day = period_start(last.open_ms, "1m"), period_start(last.open_ms, "1d")
        builder.restore(ohlcv(rows(market, "1m", day, minute)), ohlcv(rows(market, "1s", minute)))
    return builder


def builder_before(market: Market, minute_ms: int, ranges: PriceRanges) -> Builder:
    """A builder that begins with a minute, after the rows of seconds before it."""
    builder = Builder(ranges)
    last = newest(market, minute_ms)
    if last is not None:
        builder.stand_behind(last)
    return builder
