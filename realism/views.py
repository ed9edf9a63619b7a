"""`GET /realism`: whether a market's returns behave as those of real markets do, public like the stream."""

from __future__ import annotations

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from realism.card import card_of
from runtime import pools
from streaming.http import parameters


@require_safe
async def realism(request: HttpRequest) -> HttpResponse:
    """The stylised facts of the ticks from `t0` to `t1`, or of all of them."""
    relay = await parameters.relay(request)
    t0, t1 = parameters.t_range(request)
    card = await pools.bars.ask(lambda: card_of(relay.symbol, t0, t1))
    body = orjson.dumps({"symbol": relay.symbol, **card.form()})
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})
