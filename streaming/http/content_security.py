"""The Content-Security-Policy of every page, with a fresh nonce for its import map."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse

from runtime.middleware import AsyncMiddleware

_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class ContentSecurityPolicy(AsyncMiddleware):
    """Sets `request.csp_nonce` for templates and the header on every answer."""

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response: HttpResponse = await self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce))
        return response
