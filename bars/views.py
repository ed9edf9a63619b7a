"""`GET /api/v1/bars`: closed bars of a market, public like the stream."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from bars import reading
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS
from bars.making.times import to_ms
from runtime import pools
from runtime.http_errors import bad_parameter
from runtime.pools import asked
from streaming.http import parameters
from streaming.http.ndjson import lines_response
from streaming.protocol import recording_headers

MOST_BARS = 10_000
_MOST_GAPS = 1000
#: Bars that wait in memory for a client to take them, at most.
_MOST_HELD = 1000


@require_safe
async def bars(request: HttpRequest) -> HttpResponseBase:
    """The first bars from `from` on, or without it the last ones; all of them end by `to`."""
    relay = await parameters.relay(request)
    resolution = parameters.choice(request, "resolution", tuple(PERIOD_MS)) or "1m"
    from_ms, until_ms = _time(request, "from"), _time(request, "to")
    if from_ms is not None and until_ms is not None and until_ms < from_ms:
        raise bad_parameter(f"to must not be before from, got from={from_ms} and to={until_ms}")
    limit = parameters.integer(request, "limit", 1000, 1, MOST_BARS)
    lines = _lines(relay.symbol, resolution, from_ms, until_ms, limit)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    # Asked before the bars are read: bars of a later recording may be taken for those of an earlier one.
    headers |= recording_headers(relay.store_id, await relay.learn_prices())
    return await lines_response(request, lines, headers, pools.bars)


def _lines(symbol: str, resolution: str, from_ms: int | None, to_ms: int | None, limit: int) -> Iterator[bytes]:
    """The answer, one bar per line: bars, and what is missing in their time."""
    yield orjson.dumps({"symbol": symbol, "resolution": resolution})[:-1] + b',"bars":['
    count, first, last = 0, None, None
    for bar in _found(symbol, resolution, from_ms, to_ms, limit):
        yield (b"," if count else b"") + orjson.dumps(_form(bar))
        count, first, last = count + 1, first or bar, bar
    begin_ms, end_ms = from_ms, to_ms
    if first is not None and last is not None:
        begin_ms = first.open_ms if from_ms is None else from_ms
        # A page that is full ends with its last bar; the next one tells what is missing behind it.
        end_ms = last.close_ms if count == limit or to_ms is None else to_ms
    spans = [] if begin_ms is None else asked(lambda: reading.gaps(symbol, begin_ms, end_ms, _MOST_GAPS))
    yield b'],"gaps":' + orjson.dumps([{"from_t": first_t, "to_t": last_t} for first_t, last_t in spans]) + b"}"


def _found(symbol: str, resolution: str, from_ms: int | None, to_ms: int | None, limit: int) -> Iterator[Ohlcv]:
    if from_ms is None:
        found = asked(lambda: reading.last_bars(symbol, resolution, limit, to_ms=to_ms))
        if len(found) <= _MOST_HELD:
            yield from found
            return
        # Of many the beginning was wanted: a client that takes its time must not keep them all in memory.
        from_ms, to_ms = found[0].open_ms, found[-1].close_ms
        del found
    yield from islice(reading.closed_bars(symbol, resolution, from_ms=from_ms, to_ms=to_ms, ask=asked), limit)


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
