"""HTTP requests of this process by pattern of their path: how they ended, and how long the answer took to begin."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from runtime.measured import Histogram
from runtime.middleware import AsyncMiddleware

#: By pattern and class of the status ("2xx"); by pattern, seconds from the request to the head of its answer.
answered: Counter[tuple[str, str]] = Counter()
durations: defaultdict[str, Histogram] = defaultdict(Histogram)

#: What has no pattern: a path that leads nowhere.
NOWHERE = "none"


class RequestCounts(AsyncMiddleware):
    """Middleware around all others. It counts by patterns, never by paths: those are what clients choose."""

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        status = 500
        try:
            response: HttpResponse = await self._get_response(request)
            status = response.status_code
            return response
        finally:
            route = route_of(request)
            answered[route, f"{status // 100}xx"] += 1
            durations[route].observe(time.perf_counter() - begun)


def route_of(request: HttpRequest) -> str:
    """The pattern of a request's path, with all of the admin as one and all static files as one."""
    for prefix in ("/admin/", settings.STATIC_URL):
        if request.path_info.startswith(prefix):
            return prefix
    match = request.resolver_match
    return NOWHERE if match is None else f"/{match.route}"
