"""The HTTP path of alerts."""

from __future__ import annotations

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from access.http import token_required
from alerts.models import Alert
from runtime import pools
from runtime.http_errors import HttpError
from streaming.http import parameters

MOST_ALERTS = 1000


@require_safe
@token_required
async def alerts(request: HttpRequest) -> HttpResponse:
    """The newest alerts, newest first; with `active=1` only those that have not cleared."""
    active = parameters.choice(request, "active", ("0", "1")) == "1"
    limit = parameters.integer(request, "limit", 100, 1, MOST_ALERTS)
    chosen = Alert.objects.filter(cleared_at=None) if active else Alert.objects.all()
    try:
        rows = await pools.lookups.ask(lambda: list(chosen[:limit]))
    except DatabaseError:
        raise HttpError(503, "unavailable", "the database is away, and the alerts with it") from None
    body = {"alerts": [row.listed() for row in rows]}
    return JsonResponse(body, headers={"Cache-Control": "no-store"}, json_dumps_params={"ensure_ascii": False})
