"""`GET /realism`: whether a market's returns behave as those of real markets do, public like the stream."""

from __future__ import annotations

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from realism.card import card_of
from runtime import pools
from runtime.http_errors import bad_parameter
from streaming.http import parameters


@require_safe
async def realism(request: HttpRequest) -> HttpResponse:
    """The stylised facts of the ticks from `t0` to `t1`, or of all of them."""
    relay = await parameters.relay(request)
    t0, t1 = (
        parameters.integer(request, name, None, 0, parameters.LARGEST_T) if name in request.GET else None
        for name in ("t0", "t1")
    )
    if t0 is not None and t1 is not None and t1 < t0:
        raise bad_parameter(f"t1 must not be before t0, got t0={t0} and t1={t1}")
    card = await pools.bars.ask(lambda: card_of(relay.symbol, t0, t1))
    body = orjson.dumps({"symbol": relay.symbol, **card.form()})
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})
