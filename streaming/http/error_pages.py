"""Errors as a page a person can read: at the paths of pages, and where there is nothing. Programs get the JSON."""

from __future__ import annotations

import orjson
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from runtime.middleware import AsyncMiddleware, keep_headers
from runtime.pools import Busy
from streaming.http import languages
from streaming.http.markets import every_symbol, own_symbol

#: What a person is told of an error, by its code.
_WORDS: dict[str, Promise] = {
    "unknown_symbol": _("There is no such market."),
    "not_found": _("There is nothing at this address."),
    "bad_parameter": _("A part of this address cannot be understood."),
    "unavailable": _("The recording cannot be read now. Please try again in a moment."),
    "no_database": _("The admin needs the database, which does not answer now. What is recorded and streamed goes on."),
    "internal": _("The server could not answer. Please try again in a moment."),
    "busy": _("The server has more to do than it can. Please try again in a moment."),
}
_ELSE = _("This page cannot be shown.")


class ErrorPages(AsyncMiddleware):
    """Middleware above that of JSON errors: for a browser, its answer becomes a page of the same status and headers."""

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await self._get_response(request)
        error = _error_in(response)
        if error is None or not (_is_page(request) or error["code"] == "not_found"):
            return response
        if "text/html" not in request.headers.get("Accept", ""):
            patch_vary_headers(response, ["Accept"])
            return response
        page = await sync_to_async(_page)(request, error, response.status_code, await _symbols())
        keep_headers(page, response)
        patch_vary_headers(page, ["Accept"])
        return page


def _error_in(response: HttpResponse) -> dict[str, str] | None:
    """The error that an answer holds, if it is one in JSON."""
    plain = response.get("Content-Type", "").startswith("application/json") and not response.streaming
    if response.status_code < 400 or not plain:
        return None
    body = orjson.loads(response.content)
    return body["error"] if isinstance(body, dict) and isinstance(body.get("error"), dict) else None


def _is_page(request: HttpRequest) -> bool:
    return request.path_info == "/" or request.path_info.startswith(("/live", "/replay", "/admin"))


async def _symbols() -> list[str]:
    """The markets to go to. Where they cannot be read, that may be the error itself: then the server's own."""
    try:
        return await every_symbol()
    except (OperationalError, InterfaceError, Busy):
        return [own_symbol()]


def _page(request: HttpRequest, error: dict[str, str], status: int, symbols: list[str]) -> HttpResponse:
    language = languages.language_of(request)
    with translation.override(language):
        context = {
            "status": status,
            "words": _WORDS.get(error["code"], _ELSE),
            "message": error["message"],
            "symbols": symbols,
            "language": language,
            "languages": languages.links(request, language),
        }
        return languages.mark(request, render(request, "error.html", context, status=status), language)
