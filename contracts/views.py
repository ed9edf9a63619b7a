"""The documents over HTTP, and the page that shows them."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from contracts.asyncapi import asyncapi
from contracts.openapi import openapi
from contracts.page import reference
from streaming.http import languages


@require_safe
async def openapi_json(request: HttpRequest) -> HttpResponse:
    """The HTTP paths as OpenAPI."""
    return _document(request, _openapi_text())


@require_safe
async def asyncapi_json(request: HttpRequest) -> HttpResponse:
    """The sockets and events as AsyncAPI, with this server's own name."""
    return _document(request, orjson.dumps(asyncapi(request.get_host(), is_secure=request.is_secure())))


@cache
def _openapi_text() -> bytes:
    return orjson.dumps(openapi())


def _document(request: HttpRequest, text: bytes) -> HttpResponse:
    """A document, or 304 for a client that has it."""
    headers = {"ETag": f'"{blake2b(text, digest_size=12).hexdigest()}"', "Cache-Control": "no-cache"}
    known = get_conditional_response(request, headers["ETag"])
    if known is not None and known.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(text, content_type="application/json", headers=headers)


@require_safe
async def docs(request: HttpRequest) -> HttpResponse:
    """The reference as a page."""
    return await sync_to_async(_rendered)(request)


@cache
def _sheet(language: str) -> SafeString:
    """All of the page that is the same for every visitor; to make it takes ten times as long as any other page, on a
    thread through which all requests pass."""
    with translation.override(language):
        return render_to_string("docs_sheet.html", reference())


def _rendered(request: HttpRequest) -> HttpResponse:
    language = languages.language_of(request)
    with translation.override(language):
        context: dict[str, Any] = {
            "sheet": _sheet(language),
            "language": language,
            "languages": languages.links(request, language),
        }
        return languages.mark(request, render(request, "docs.html", context), language)
