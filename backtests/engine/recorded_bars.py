"""The recorded bars of a range; read in pages, so that a year of them takes no more memory than an hour."""

from __future__ import annotations

from collections.abc import Iterator

from backtests.bar import iso
from backtests.engine.progress import Span
from backtests.errors import BadRequest, UnknownSymbol
from backtests.request import Asked
from bars.making.ohlcv import Ohlcv
from bars.reading import closed_bars, last_bars
from recorder.models import Market
from runtime.db_threads import Ask, directly


def bars_between(symbol: str, resolution: str, from_ms: int, to_ms: int, ask: Ask = directly) -> Iterator[Ohlcv]:
    """The closed bars with from_ms <= open and close <= to_ms, by time; each page through `ask`. Raises
    django.db.Error."""
    return closed_bars(symbol, resolution, from_ms=from_ms, to_ms=to_ms, ask=ask)


def span_between(symbol: str, resolution: str, from_ms: int, to_ms: int) -> Span | None:
    """From the first of these bars to the last; None where there are none. Raises django.db.Error."""
    first = next(bars_between(symbol, resolution, from_ms, to_ms), None)
    if first is None:
        return None
    return Span(first.open_ms, last_bars(symbol, resolution, 1, to_ms=to_ms)[0].close_ms)


def whole_span(symbol: str) -> Span | None:
    """All that is recorded of a market; None without any bar. Raises django.db.Error."""
    first = next(closed_bars(symbol, "1s"), None)
    return None if first is None else Span(first.open_ms, last_bars(symbol, "1s", 1)[0].close_ms)


def check_bars(asked: Asked) -> Span:
    """From the first bar that is asked for to the last. Raises UnknownSymbol, BadRequest, django.db.Error."""
    span = span_between(asked.symbol, asked.resolution, asked.from_ms, asked.to_ms)
    if span is not None:
        return span
    if not Market.objects.filter(symbol=asked.symbol).exists():
        raise UnknownSymbol(asked.symbol)
    whole = whole_span(asked.symbol)
    there = f"bars begin at {iso(whole.first_ms)} and end at {iso(whole.last_ms)}" if whole else "there is none at all"
    raise BadRequest(
        f"from {iso(asked.from_ms)} to {iso(asked.to_ms)} there is no whole {asked.resolution} bar of {asked.symbol};"
        f" {there}"
    )
