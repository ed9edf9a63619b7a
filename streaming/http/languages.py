"""Which language a page is shown in: the one asked for, else the one chosen before, else the browser's."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

_A_YEAR_SECONDS = 365 * 86_400


def language_of(request: HttpRequest) -> str:
    """The language for this request, one of settings.LANGUAGES."""
    asked = request.GET.get("lang")
    return asked if asked in dict(settings.LANGUAGES) else translation.get_language_from_request(request)


def links(request: HttpRequest, language: str) -> list[dict[str, str]]:
    """The other languages, each with the query that shows this page in it."""
    others = [(code, name) for code, name in settings.LANGUAGES if code != language]
    return [{"code": code, "name": name, "query": _query(request, code)} for code, name in others]


def _query(request: HttpRequest, code: str) -> str:
    query = request.GET.copy()
    query["lang"] = code
    return query.urlencode()


def mark(request: HttpRequest, response: HttpResponse, language: str) -> HttpResponse:
    """Says in the answer which language it is in, and keeps a choice for the next visit."""
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    if "lang" in request.GET:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_A_YEAR_SECONDS,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            samesite="Lax",
        )
    return response
