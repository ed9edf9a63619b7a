"""`GET /api/v1/bars`: closed bars of a market, public like the stream."""

from __future__ import annotations

from itertools import islice
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bars import reading
from bars.ohlcv import Ohlcv
from bars.resolutions import PERIOD_MS
from bars.times import to_ms
from recorder.rows import on_thread
from streaming import parameters
from streaming.errors import bad_parameter

_MOST_BARS = 10_000
_MOST_GAPS = 1000


@require_safe
async def bars(request: HttpRequest) -> HttpResponse:
    """The first bars from `from` on, or without it the last ones; all of them ended by `to`."""
    relay = await parameters.relay(request)
    resolution = parameters.choice(request, "resolution", tuple(PERIOD_MS)) or "1m"
    from_ms, until_ms = _time(request, "from"), _time(request, "to")
    if from_ms is not None and until_ms is not None and until_ms < from_ms:
        raise bad_parameter(f"to must not be before from, got from={from_ms} and to={until_ms}")
    limit = parameters.integer(request, "limit", 1000, 1, _MOST_BARS)
    found, gaps = await on_thread(lambda: _read(relay.symbol, resolution, from_ms, until_ms, limit))
    body = {
        "symbol": relay.symbol,
        "resolution": resolution,
        "bars": [_form(bar) for bar in found],
        "gaps": [{"from_t": first, "to_t": last} for first, last in gaps],
    }
    return HttpResponse(orjson.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"})


def _read(
    symbol: str, resolution: str, from_ms: int | None, to_ms: int | None, limit: int
) -> tuple[list[Ohlcv], list[tuple[int, int]]]:
    """Bars, and what is missing in the time they are of."""
    if from_ms is None:
        found = reading.last_bars(symbol, resolution, limit, to_ms=to_ms)
    else:
        found = list(islice(reading.closed_bars(symbol, resolution, from_ms=from_ms, to_ms=to_ms), limit))
    if not found:
        return found, reading.gaps(symbol, from_ms, to_ms, _MOST_GAPS) if from_ms is not None else []
    # A page that is full ends with its last bar; the next one tells what is missing behind it.
    begin = found[0].open_ms if from_ms is None else from_ms
    end = found[-1].close_ms if len(found) == limit or to_ms is None else to_ms
    return found, reading.gaps(symbol, begin, end, _MOST_GAPS)


def _time(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        return to_ms(text)
    except ValueError as error:
        raise bad_parameter(f"{name} {error}") from None


def _form(bar: Ohlcv) -> dict[str, Any]:
    return {
        "open_time": bar.open_ms,
        "close_time": bar.close_ms,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "closed": True,
    }
