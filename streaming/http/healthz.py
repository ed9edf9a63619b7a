"""Probes of this process, for whoever restarts it or sends it clients. `/health` tells of a market instead."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from runtime.stopping import stopping
from streaming.relay.relays import relays

_HEADERS = {"Cache-Control": "no-store"}


@require_safe
async def live(request: HttpRequest) -> HttpResponse:
    """200 whenever the process answers: one that does not is to be restarted."""
    return JsonResponse({"ok": True}, headers=_HEADERS)


@require_safe
async def ready(request: HttpRequest) -> HttpResponse:
    """503 once this process was told to stop, and while the stream of a market failed in it alone: clients do better
    elsewhere.

    Redis or the database being away is no reason: they are away for the other processes too, and sockets stay open.
    """
    failed = relays.failed()
    detail = f"the stream of {', '.join(failed)} is starting anew" if failed else ""
    if stopping.is_set():
        detail = "the process is stopping"
    body = {"ok": not detail} | ({"detail": detail} if detail else {})
    return JsonResponse(body, status=503 if detail else 200, headers=_HEADERS)
