"""The one shape of an HTTP error, and the middleware that gives it to every failure outside the admin."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError

from runtime.middleware import AsyncMiddleware, keep_headers
from runtime.pools import RETRY_SECONDS, Busy
from runtime.unavailable import Unavailable

log = logging.getLogger(__name__)

#: For requests that an unavailable database or bucket leaves without an answer: many a second, and all for the same
#: reason.
outages = logging.getLogger(f"{__name__}.outages")


#: What an unavailable database raises.
_NO_DATABASE = (OperationalError, InterfaceError)

#: Errors that pass: each says when to come again.
_PASSING = (429, 503)


class HttpError(Exception):
    """An answer other than success: status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        later = {"Retry-After": str(RETRY_SECONDS)} if status in _PASSING else {}
        self.status, self.code, self.message, self.headers = status, code, message, later | (headers or {})

    def response(self) -> JsonResponse:
        body = {"error": {"code": self.code, "message": self.message}}
        return JsonResponse(body, status=self.status, headers=self.headers)


def bad_parameter(message: str) -> HttpError:
    return HttpError(400, "bad_parameter", message)


#: The exceptions for errors of a request: Django turns these into answers.
_AT_FAULT = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)


def busy(error: Busy) -> HttpError:
    return HttpError(503, "busy", str(error))


def unavailable() -> HttpError:
    """What the error itself says is for the log: it names machines."""
    message = "a part of the recording cannot be read now"
    return HttpError(503, "unavailable", message)


def no_database() -> HttpError:
    """The answer of the admin, of which no page can do without: its sessions are there."""
    message = "the admin needs the database, which does not answer"
    return HttpError(503, "no_database", message)


def tell_of_cut(path: str, error: Exception) -> None:
    """An answer, or a socket, ends with an error after its beginning: what passes is one line of many, not a fault."""
    if isinstance(error, (Unavailable, *_NO_DATABASE)):
        outages.warning("%s ends early: %s", path, error)
    else:
        log.error("the application failed on %s", path, exc_info=error)


class JsonErrors(AsyncMiddleware):
    """Middleware: the errors that Django would answer in HTML (404, 405, 400, 500) become the contract's JSON.

    A person at the admin gets Django's pages for errors of the request.
    """

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await self._get_response(request)
        if response.status_code < 400 or _is_json(response) or _may_be_page(request, response.status_code):
            return response
        plain = _plain_error(request, response).response()
        keep_headers(plain, response)
        return plain

    async def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """Refuse methods other than reading outside the admin, before the CSRF check asks for a token.

        A view that is exempt from that check accepts methods itself.
        """
        if request.method in ("GET", "HEAD") or _is_admin(request) or getattr(view[0], "csrf_exempt", False):
            return None
        return _not_allowed(request, "GET, HEAD").response()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, HttpError):
            return error.response()
        if isinstance(error, Busy):
            return busy(error).response()
        if isinstance(error, SuspiciousOperation) and not _may_be_page(request, 400):
            return HttpError(400, "bad_request", f"the request cannot be read: {error}").response()
        if isinstance(error, _AT_FAULT) or _may_be_page(request, 500):
            return None
        if isinstance(error, DataError):
            return _no_value(request, error).response()
        if isinstance(error, Unavailable):
            outages.warning("%s %s: %s", request.method, request.path, error)
            return unavailable().response()
        if isinstance(error, _NO_DATABASE):
            outages.warning("%s %s: the database is unavailable: %s", request.method, request.path, error)
            if _is_admin(request):
                return no_database().response()
        else:
            log.error("%s %s failed", request.method, request.path, exc_info=error)
        return HttpError(503, "internal", "the server could not answer this request").response()


def _no_value(request: HttpRequest, error: DataError) -> HttpError:
    """A filter of the admin may have any text as its value: a NUL, half a pattern, a number beyond all bounds."""
    reason = str(error).partition("\n")[0]  # what follows is a part of the statement
    log.warning("%s %s: a value that the database does not take: %s", request.method, request.path, reason)
    return HttpError(400, "bad_request", "the request has a value that the database does not take")


def _is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin")


def _may_be_page(request: HttpRequest, status: int) -> bool:
    """Whether an error may be answered with a page: to a person, and not for the server's own faults."""
    return _is_admin(request) and "text/html" in request.headers.get("Accept", "") and (status < 500 or settings.DEBUG)


def _is_json(response: HttpResponse) -> bool:
    return response.get("Content-Type", "").startswith("application/json")


def _plain_error(request: HttpRequest, response: HttpResponse) -> HttpError:
    path = request.path_info[:200]
    if response.status_code == 404:
        return HttpError(404, "not_found", f"there is nothing at {path!r}")
    if response.status_code == 405:
        return _not_allowed(request, response.get("Allow", "GET, HEAD"))
    if response.status_code >= 500:
        return HttpError(503, "internal", "the server could not answer this request")
    if response.status_code == 400 and (host := _unknown_host(request)) is not None:
        return HttpError(400, "unknown_host", f"this server answers to no Host of {host!r:.80}")
    return HttpError(response.status_code, "bad_request", response.reason_phrase)


def _unknown_host(request: HttpRequest) -> str | None:
    """The host that a request names, if it is not one of ours."""
    try:
        request.get_host()
    except DisallowedHost:
        return request.headers.get("Host", "")
    return None


def _not_allowed(request: HttpRequest, allowed: str) -> HttpError:
    message = f"{request.path_info[:200]!r} takes {allowed}, not {request.method:.20}"
    return HttpError(405, "method_not_allowed", message, {"Allow": allowed})
