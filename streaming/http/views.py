"""The HTTP paths of the contract: plain JSON, and the two pages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import translation
from django.views.decorators.http import require_safe

from recorder.segment.layout import KINDS
from runtime import pools
from streaming.history_moments import recorded_lines
from streaming.http import languages, parameters
from streaming.http.incremental import Page
from streaming.http.markets import every_symbol
from streaming.http.ndjson import ndjson_response, streamed
from streaming.http.ui_texts import TEXTS
from streaming.protocol import LARGEST_T, RunPrices, recording_headers

#: The server and its Python client are released together.
VERSION = tomllib.loads((settings.BASE_DIR / "client" / "pyproject.toml").read_text())["project"]["version"]

Response = TypeVar("Response", bound=HttpResponseBase)

_ENDPOINTS = {
    "stream": "/ws/stream",
    "websocket": "/ws/stream",
    "events": "/stream",
    "bar_feed": "/market_data",
    "bars": "/api/v1/bars",
    "realism": "/realism",
    "subscribe": "/api/v1/websocket",
    "alerts": "/api/v1/alerts",
    "backtests": "/api/v1/backtests",
    "health": "/health",
    "alive": "/healthz/live",
    "ready": "/healthz/ready",
    "incremental": "/incremental",
    "range": "/range",
    "disk": "/disk",
    "metrics": "/metrics",
    "gaps": "/gaps",
    "overview": "/overview",
    "export": "/export",
    "structure": "/structure",
    "agents": "/agents",
    "segments": "/segments",
    "manifest": "/manifest/{ticks,frames,metrics}",
    **{f"manifest_{kind}": f"/manifest/{kind}" for kind in KINDS},
    "segment": "/segment/{kind}/{name}",
    **{f"segment_{kind}": f"/segment/{kind}/{{name}}" for kind in KINDS},
    "live": "/live/",
    "replay": "/replay/",
    "admin": "/admin/",
    "docs": "/docs/",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi.json",
}

#: Ticks in a page of `/incremental`.
MOST_TICKS = 10_000


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """The live page for a browser, a description for everything else."""
    if "text/html" in request.headers.get("Accept", ""):
        return await live(request)
    await parameters.relay(request)
    return JsonResponse(
        {
            "message": "Market Camera: a market, filmed, streamed and recorded",
            "version": VERSION,
            "cam_store": str(settings.CONFIG.store_dir),
            "endpoints": _ENDPOINTS,
        }
    )


@require_safe
async def live(request: HttpRequest) -> HttpResponse:
    return await _page(request, "live")


@require_safe
async def replay(request: HttpRequest) -> HttpResponse:
    return await _page(request, "replay")


async def _page(request: HttpRequest, door: str) -> HttpResponse:
    """The page: through the path `live` it opens at the present, through `replay` in the past."""
    relay = await parameters.relay(request)
    context = {
        "door": door,
        "symbol": relay.symbol,
        "symbols": await every_symbol(),
        "agent_url": settings.CONFIG.agent_url or "",
        "cam": {"W": settings.CONFIG.cam_w, "stride": settings.CONFIG.cam_stride},
        "csp_nonce": request.csp_nonce,  # type: ignore[attr-defined]
    }
    return await sync_to_async(_rendered)(request, context)


def _rendered(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    language = languages.language_of(request)
    with translation.override(language):
        words = {name: str(text) for name, text in TEXTS.items()}
        context |= {"texts": words, "language": language, "languages": languages.links(request, language)}
        return languages.mark(request, render(request, "page.html", context), language)


@require_safe
async def favicon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for at pages that name no icon: the admin, an answer in JSON."""
    return HttpResponsePermanentRedirect(static("streaming/favicon.ico"))


@require_safe
async def health(request: HttpRequest) -> HttpResponse:
    relay = await parameters.relay(request)
    well, body = await relay.health()
    return JsonResponse(body, status=200 if well else 503, headers={"Cache-Control": "no-store"})


@require_safe
async def incremental(request: HttpRequest) -> HttpResponseBase:
    """Ticks after `from_t`, oldest first."""
    relay = await parameters.relay(request)
    from_t = parameters.integer(request, "from_t", 0, -1, LARGEST_T)
    limit = parameters.limit(request, 1000, MOST_TICKS)
    page = Page(relay, from_t, limit, parameters.store(request))
    begun = await page.begin()
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    answer = HttpResponse(begun, headers=headers) if page.ended else streamed(request, page, headers)
    return _named(answer, page.store_id, await relay.learn_prices())


def _named(response: Response, store_id: str | None, prices: RunPrices) -> Response:
    """The answer, with what tells of the recording it comes from."""
    for name, value in recording_headers(store_id, prices).items():
        response[name] = value
    return response


@require_safe
async def range_of(request: HttpRequest) -> HttpResponseBase:
    """The messages of one kind with t0 <= t <= t1, as NDJSON; missing ones as gap lines."""
    relay = await parameters.relay(request)
    asked_t0, asked_t1 = parameters.t_range(request)
    t0, t1 = asked_t0 or 0, LARGEST_T if asked_t1 is None else asked_t1
    kind = parameters.kind(request) or "ticks"
    store_id = parameters.store(request)
    history = relay.history

    def again(line: bytes) -> Iterator[bytes]:
        told = orjson.loads(line)
        if told.get("reason") == "store_changed":
            return iter(())  # the lines of one recording end with it
        return recorded_lines(history, kind, told.get("to_t", told.get("t")) + 1, t1)

    lines = recorded_lines(history, kind, t0, t1, store_id)
    return _named(
        await ndjson_response(request, lines, pools.past, again=again), history.store_id, await relay.learn_prices()
    )
