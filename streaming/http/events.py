"""Server-sent events: the head of `GET /stream`, or the reason why there is no stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from runtime.http_errors import HttpError
from streaming.http.event_streams import OPENED, retry
from streaming.options import EVENTS, StreamRequest, parse_request
from streaming.past.request import Bound
from streaming.position import Position, parse_position
from streaming.protocol import CLOSE_BAD_PARAMETER, CLOSE_LIMIT, CLOSE_UNAVAILABLE, StreamError, error, event
from streaming.relay.relays import relays

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # else nginx may hold events back
}

#: A browser that was refused comes again after this time.
_REFUSED_RETRY_MS = 5000


class _Over(Exception):
    """A browser comes again behind the end of a replay, and is to stop."""


@require_safe
async def events(request: HttpRequest) -> HttpResponseBase:
    """The head of a stream of events; whoever made the scope adds the body."""
    try:
        wanted = _wanted(request)
        relays.check(await relays.get(wanted.symbol))
        if request.method == "GET":
            request.scope[OPENED].open(wanted)  # type: ignore[attr-defined]
    except _Over:
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
    except StreamError as refused:
        return _refusal(request, refused)
    return _answer((), relays.known_headers(wanted.symbol))


def _wanted(request: HttpRequest) -> StreamRequest:
    """What the query asks for, from the position of `Last-Event-ID` on if there is one. Raises StreamError."""
    query = parse_qs(request.META["QUERY_STRING"], keep_blank_values=True)
    wanted = parse_request(query, settings.CONFIG.stream_types)
    if wanted.options.encoding != "json":
        detail = f"encoding={wanted.options.encoding} is for sockets; events are JSON"
        raise StreamError("bad_parameter", detail, CLOSE_BAD_PARAMETER)
    wanted = replace(wanted, options=replace(wanted.options, encoding=EVENTS))
    last = request.headers.get("Last-Event-ID")
    return _behind(parse_position(last), wanted) if last else wanted


def _behind(position: Position, wanted: StreamRequest) -> StreamRequest:
    """The same stream, or the rest of a replay, from a position on."""
    if position.is_end and wanted.past is not None:
        raise _Over
    has = {kind: position.ts[kind] for kind in wanted.options.types}
    since = min(has.values())
    wanted = replace(wanted, store=position.store_id, has=has if since < max(has.values()) else None)
    if wanted.past is None:
        return replace(wanted, since=since)
    return replace(wanted, past=replace(wanted.past, begin=Bound(t=since + 1)))


def _refusal(request: HttpRequest, refused: StreamError) -> HttpResponseBase:
    """An error; to a browser, one that will pass is a stream that ends with it: of no other answer it comes again."""
    is_passing = refused.close in (CLOSE_LIMIT, CLOSE_UNAVAILABLE)
    if is_passing and "text/event-stream" in request.headers.get("Accept", ""):
        return _answer([retry(_REFUSED_RETRY_MS), event("error", error(refused.code, refused.detail))], {})
    return HttpError(refused.close - 4000, refused.code, refused.detail).response()


def _answer(body: Iterable[bytes], headers: dict[str, str]) -> HttpResponseBase:
    return StreamingHttpResponse(_pieces(body), headers=_HEADERS | headers)


async def _pieces(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in body:
        yield piece
