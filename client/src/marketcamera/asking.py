"""Requests to a server that may be away for a moment: what can pass is tried again, a few times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import httpx

from marketcamera.backoff import Backoff
from marketcamera.errors import HistoryUnavailable, NotFoundError
from marketcamera.failures import PASSING_STATUS, history_error, reason_of

log = logging.getLogger("marketcamera")

ATTEMPTS = 4


def answer_of(
    client: httpx.Client,
    url: str,
    headers: dict[str, str] | None = None,
    attempts: int = ATTEMPTS,
    tells_enough: Callable[[httpx.Response], bool] = lambda answer: False,
) -> httpx.Response:
    """The answer to GET, of any status that does not pass by itself, or that tells enough all the same. Raises
    HistoryUnavailable."""
    backoff = Backoff()
    while True:
        try:
            answer = client.get(url, headers=headers)
        except httpx.TransportError as error:
            reason = reason_of(error)
        except Exception as error:  # an address or an answer that the library makes nothing of
            raise history_error(url, error) from error
        else:
            if answer.status_code not in PASSING_STATUS or tells_enough(answer):
                return answer
            reason = f"the answer was {answer.status_code}"
        seconds = backoff.next_seconds()
        if backoff.attempts >= attempts:
            raise HistoryUnavailable(url, reason)
        log.info("%s: %s; next attempt in %.1f s", url, reason, seconds)
        time.sleep(seconds)


def json_in(url: str, answer: httpx.Response) -> Any:
    """The JSON of an answer. Raises NotFoundError, HistoryUnavailable with what the server says of its refusal."""
    refusal = NotFoundError if answer.status_code == 404 else HistoryUnavailable
    try:
        body = answer.json()
    except ValueError:
        raise refusal(url, f"the answer was {answer.status_code}, no JSON") from None
    if answer.status_code != 200:
        error = body.get("error") if isinstance(body, dict) else None
        told = error.get("message") if isinstance(error, dict) else None
        raise refusal(url, told or f"the answer was {answer.status_code}")
    return body
