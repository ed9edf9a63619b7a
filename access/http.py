"""Tokens over HTTP: the `Authorization` header, and views that ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponseBase

from access.audit import CANCEL, NO_SCOPE, REFUSED, REQUEST, START
from access.models import Token
from access.recording import address_of, note, note_in_use
from access.scopes import BACKTEST, READ
from access.token_from_request import REFUSAL, bearer
from access.tokens import check
from runtime import pools
from runtime.http_errors import HttpError

INSUFFICIENT_SCOPE = "insufficient_scope"

#: What is done, by its method, unless it fails; anything else is a request.
_ACTIONS = {"POST": START, "DELETE": CANCEL}

View = Callable[..., Awaitable[HttpResponseBase]]


async def token_of(request: HttpRequest) -> Token:
    """The valid token of a request. Raises HttpError: 401 without one, 503 if it cannot be looked up."""
    try:
        token, who = await pools.lookups.ask(lambda: check(bearer(request.headers.get("Authorization", ""))))
    except DatabaseError:
        raise HttpError(503, "unavailable", "the database is away, so no token can be checked") from None
    if token is None:
        note(REFUSED, who, address_of(request))
        raise HttpError(401, "authentication_failed", REFUSAL, {"WWW-Authenticate": "Bearer"})
    note_in_use([token.pk])
    return token


def require(token: Token, scope: str, why: str = "this") -> None:
    """Raises HttpError (403) unless the token has the scope; `why` begins the sentence."""
    if token.permits(scope):
        return
    message = f"{why} needs a token with the scope {scope!r}; this one has: {token.scopes.replace(' ', ', ')}"
    # As RFC 6750, 3.1 has it.
    challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    raise HttpError(403, INSUFFICIENT_SCOPE, message, {"WWW-Authenticate": challenge})


def token_required(view: View) -> View:
    """An asynchronous view that is only entered with a valid token, found as `request.token`.

    Reading methods need the scope `read`, others `backtest`: nothing else is changed over HTTP. The audit counts each.
    What changes something sets `request.has_begun` on its thread: where its client leaves before, it is never done.
    """

    @wraps(view)
    async def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.token = token = await token_of(request)  # type: ignore[attr-defined]
        request.has_begun = False  # type: ignore[attr-defined]
        action = _ACTIONS.get(request.method or "", REQUEST)
        try:
            require(token, READ if request.method in ("GET", "HEAD") else BACKTEST)
            return await view(request, *args, **kwargs)
        except asyncio.CancelledError:
            if not request.has_begun:  # type: ignore[attr-defined]
                action = REQUEST  # else it is done also for a client that leaves before the answer
            raise
        except Exception as error:
            lacks_scope = isinstance(error, HttpError) and error.code == INSUFFICIENT_SCOPE
            action = NO_SCOPE if lacks_scope else REQUEST
            raise
        finally:
            note(action, token, address_of(request))

    return checked
