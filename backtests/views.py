"""`/api/v1/backtests`: start one, list them, cancel one; with a token."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from access.http import require, token_required
from access.models import Token
from access.scopes import ADMIN
from backtests.catalog import strategies_in
from backtests.engine.recorded_bars import check_bars
from backtests.errors import BadRequest, TooMany, UnknownSymbol
from backtests.models import QUEUED, STATUSES, Backtest
from backtests.request import MOST_BODY_BYTES, read
from backtests.running import lifecycle
from backtests.running.dispatch import cancel, dispatch
from runtime import pools
from runtime.db_threads import detached
from runtime.http_errors import HttpError, bad_parameter
from runtime.shown import shown
from streaming.http import parameters
from streaming.http.ndjson import lines_response

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

MOST_LISTED = 100

#: Results that are read at a time, and wait for a client to take them: each has 300 KB at most.
_AT_ONCE = 4

_NOT_STORED = {"Cache-Control": "no-store"}


# A token in a header is nothing that a page of another site could make a browser send.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@token_required
async def backtests(request: HttpRequest) -> HttpResponseBase:
    """Ask for a backtest, or list the newest."""
    if request.method == "POST":
        return await _off_the_loop(request, _queue, request.token, _body(request))  # type: ignore[attr-defined]
    limit = parameters.integer(request, "limit", 20, 1, MOST_LISTED)
    status = parameters.choice(request, "status", STATUSES)
    found = Backtest.objects.all() if status is None else Backtest.objects.filter(status=status)
    return await _listed(request, found, limit)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "DELETE"])
@token_required
async def backtest(request: HttpRequest, backtest_id: str) -> HttpResponse:
    """Look at a backtest, or cancel it."""
    if request.method == "DELETE":
        return await _off_the_loop(request, _cancel, request.token, backtest_id)  # type: ignore[attr-defined]
    return await _off_the_loop(request, _show, backtest_id)


def _body(request: HttpRequest) -> bytes:
    if len(request.body) > MOST_BODY_BYTES:
        message = f"the body may hold {MOST_BODY_BYTES} bytes, got {len(request.body)}"
        raise HttpError(413, "body_too_large", message)
    return request.body


def _off_the_loop(request: HttpRequest, answer: Callable[..., Answer], *arguments: Any) -> Awaitable[Answer]:
    def asked() -> Answer:
        request.has_begun = True  # type: ignore[attr-defined]
        close_old_connections()  # whoever used this thread before may have left one that broke since
        try:
            return detached(lambda: answer(*arguments))
        except DatabaseError as error:
            raise _database_is_away(error) from None

    return pools.lookups.run(asked)


def _database_is_away(error: DatabaseError) -> HttpError:
    log.error("the database is away: %s", error)
    return HttpError(503, "unavailable", "the database is away, and the backtests with it")


def _queue(token: Token, body: bytes) -> HttpResponse:
    try:
        asked = read(body, strategies_in(settings.CONFIG.strategies), settings.CONFIG.symbol)
        check_bars(asked)
        backtest = lifecycle.create(owner_id=token.owner_id, **asdict(asked))
    except UnknownSymbol as error:
        raise HttpError(400, "unknown_symbol", str(error)) from None
    except BadRequest as error:
        raise bad_parameter(str(error)) from None
    except TooMany as error:
        raise HttpError(429, "too_many_backtests", str(error)) from None
    log.info("%s was asked for with token %s", backtest.backtest_id, token)
    dispatch(backtest)
    return JsonResponse({"backtest_id": backtest.backtest_id, "status": QUEUED}, status=202, headers=_NOT_STORED)


async def _listed(request: HttpRequest, found: QuerySet[Backtest], limit: int) -> HttpResponseBase:
    """The newest of these, made while the client takes them: a hundred results have 30 MB."""
    headers = {"Content-Type": "application/json", **_NOT_STORED}
    try:
        return await lines_response(request, _lines(found, limit), headers, pools.lookups)
    except DatabaseError as error:
        raise _database_is_away(error) from None


def _lines(found: QuerySet[Backtest], limit: int) -> Iterator[bytes]:
    pks = pools.asked(lambda: list(found.values_list("pk", flat=True)[:limit]))
    before = b'{"backtests":['
    for at in range(0, len(pks), _AT_ONCE):
        for text in pools.asked(partial(_texts, pks[at : at + _AT_ONCE])):
            yield before + text
            before = b","
    yield before.removesuffix(b",") + b"]}"


def _texts(pks: Sequence[int]) -> list[bytes]:
    """The JSON of these, the newest first, as far as they are still there."""
    return [json.dumps(one.form()).encode() for one in Backtest.objects.filter(pk__in=pks)]


def _show(backtest_id: str) -> HttpResponse:
    return JsonResponse(_found(backtest_id).form(), headers=_NOT_STORED)


def _cancel(token: Token, backtest_id: str) -> HttpResponse:
    """Cancel a backtest, or leave a finished one unchanged; the answer has its present state."""
    found = _found(backtest_id)
    if found.owner_id not in (None, token.owner_id):
        require(token, ADMIN, f"cancelling {found.backtest_id}, which belongs to another user,")
    if cancel(found):
        log.info("%s was cancelled with token %s", found.backtest_id, token)
    return _show(backtest_id)


def _found(backtest_id: str) -> Backtest:
    found = Backtest.objects.filter(backtest_id=backtest_id).first() if backtest_id.isprintable() else None
    if found is None:
        raise HttpError(404, "unknown_backtest", f"there is no backtest {shown(backtest_id)}")
    return found
