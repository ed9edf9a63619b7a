"""The HTTP path `/overview`: any range of a recording in a few hundred buckets, with its gaps, runs and events."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from recorder.digests.overview import Present, overview, present_of
from runtime import pools
from streaming.http import parameters
from streaming.http.newest import Newest
from streaming.protocol import recording_headers
from streaming.relay.relay import Relay

POINTS, MOST_POINTS = 800, 5000


@require_safe
async def overview_of(request: HttpRequest) -> HttpResponse:
    """The range from `t0` to `t1`, or all of the recording, in at most `points` buckets."""
    relay = await parameters.relay(request)
    t0, t1, points = asked_range(request)
    present = await presents.newest(relay)
    return await answer(request, relay, lambda: overview(relay.symbol, present, t0, t1, points))


def asked_range(request: HttpRequest) -> tuple[int | None, int | None, int]:
    """The range and the number of points. Raises HttpError."""
    return *parameters.t_range(request), parameters.integer(request, "points", POINTS, 1, MOST_POINTS)


async def answer(request: HttpRequest, relay: Relay, body: Callable[[], dict[str, Any]]) -> HttpResponse:
    """The body as JSON, made off the loop, or 304 for a client that has it. Raises django.db.Error, pools.Busy."""
    text, tag = await pools.listings.ask(lambda: _encoded(body()))
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    headers |= recording_headers(relay.store_id, await relay.learn_prices())
    known = get_conditional_response(request, headers["ETag"])
    if known is not None and known.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(text, content_type="application/json", headers=headers)


def _encoded(body: dict[str, Any]) -> tuple[bytes, str]:
    """The JSON and its ETag; at 5,000 points that takes milliseconds."""
    text = orjson.dumps(body)
    return text, f'"{blake2b(text, digest_size=12).hexdigest()}"'


presents: Newest[Present] = Newest(present_of)
