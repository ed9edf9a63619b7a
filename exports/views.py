"""`GET /export`: a range of a recording as a table, public like the stream."""

from __future__ import annotations

import importlib
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from bars.making.resolutions import PERIOD_MS
from market.price_range import PriceRange, PriceRanges
from marketcamera.errors import BadMessage, MarketCameraError
from marketcamera.tables.columns import TABLES
from runtime.http_errors import HttpError, bad_parameter
from runtime.pools import exports
from streaming.http import parameters
from streaming.protocol import RunPrices, recording_headers
from streaming.relay.relay import Relay

FORMATS = ("parquet", "arrow", "csv")


@require_safe
async def export(request: HttpRequest) -> HttpResponseBase:
    """The rows of a table with t0 <= t <= t1; what is missing is told in its metadata and in the field `Gap`."""
    relay = await parameters.relay(request)
    table = parameters.choice(request, "kind", tuple(TABLES)) or "ticks"
    form = parameters.choice(request, "format", FORMATS) or "parquet"
    resolution = parameters.choice(request, "resolution", tuple(PERIOD_MS))
    if resolution is not None and table != "bars":
        raise bad_parameter(f"resolution is of bars, and kind is {table}")
    t0, t1 = parameters.t_range(request)
    _check_store(relay, parameters.store(request))
    recorded, answer = [await exports.run(_with_pyarrow, module) for module in ("recorded", "answer")]
    prices = await relay.learn_prices()
    wanted = recorded.Wanted(table, t0, t1, resolution or "1m")
    rows = recorded.Rows(relay.history, wanted, recorded.RunPrices(_ranges(prices)) if prices else None)
    name = "-".join(str(part) for part in (relay.symbol, table, t0, t1) if part is not None)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{form}"',
        **recording_headers(relay.history.store_id, prices),
    }
    try:
        made: HttpResponseBase = await answer.answer(request, rows, form, headers)
    except BadMessage as error:
        raise HttpError(422, "unreadable", str(error)) from None
    return made


def _check_store(relay: Relay, store_id: str | None) -> None:
    """A table is of one recording. Raises HttpError if the market has another than this one."""
    if store_id not in (None, relay.history.store_id):
        told = relay.history.store_id or "not known"
        raise HttpError(409, "store_changed", f"the recording of {relay.symbol} is {told}, not {store_id}")


def _with_pyarrow(module: str) -> Any:
    """A module of this package that needs pyarrow, which takes long to load. Raises HttpError if it is not there."""
    try:
        return importlib.import_module(f"exports.{module}")
    except MarketCameraError as error:
        raise HttpError(501, "not_installed", str(error)) from None


def _ranges(prices: RunPrices) -> PriceRanges:
    return PriceRanges((first_t, PriceRange(low, high)) for first_t, low, high in prices)
