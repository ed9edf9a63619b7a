"""Query parameters of the HTTP paths: each is validated, and an error names the value that was sent."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.http import HttpRequest

from recorder.segment.layout import KINDS, SYMBOL_PATTERN
from recorder.store.store_id import is_store_id
from runtime.http_errors import HttpError, bad_parameter
from runtime.shown import shown
from streaming.protocol import CLOSE_UNAVAILABLE, LARGEST_T, StreamError
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def integer(request: HttpRequest, name: str, default: int | None, low: int, high: int) -> int:
    """An integer parameter within bounds; required if it has no default. Raises HttpError."""
    text = request.GET.get(name)
    if text is None:
        if default is None:
            raise bad_parameter(f"{name} is missing; it must be an integer from {low} to {high}")
        return default
    if not _INTEGER.fullmatch(text):
        raise bad_parameter(f"{name} must be an integer, got {shown(text)}")
    if not low <= int(text) <= high:
        raise bad_parameter(f"{name} must be from {low} to {high}, got {text}")
    return int(text)


def limit(request: HttpRequest, default: int, most: int) -> int:
    """The parameter `limit`, from 1 up; more than `most` counts as `most`. Raises HttpError."""
    text = request.GET.get("limit")
    if text is not None and _INTEGER.fullmatch(text) and int(text) > most:
        return most
    return integer(request, "limit", default, 1, most)


def t_range(request: HttpRequest) -> tuple[int | None, int | None]:
    """The parameters `t0` and `t1`, None where one is absent. Raises HttpError."""
    t0, t1 = (integer(request, name, None, 0, LARGEST_T) if name in request.GET else None for name in ("t0", "t1"))
    if t0 is not None and t1 is not None and t1 < t0:
        raise bad_parameter(f"t1 must not be below t0, got t0={t0} and t1={t1}")
    return t0, t1


class TapePart(NamedTuple):
    """The wanted part of a list. None means no bound.

    Either the first `limit` entries that reach beyond `after_t`, or the last `limit` that begin before `before_t`.
    """

    after_t: int | None
    before_t: int | None
    limit: int | None


def part(request: HttpRequest, most: int) -> TapePart:
    """The parameters `after_t`, `before_t` and `limit` of a list. Raises HttpError."""
    after_t, before_t = (
        integer(request, name, None, -1, LARGEST_T) if name in request.GET else None for name in ("after_t", "before_t")
    )
    if after_t is not None and before_t is not None:
        raise bad_parameter("after_t and before_t ask for different parts of a list; give one of them")
    return TapePart(after_t, before_t, limit(request, most, most) if "limit" in request.GET else None)


def kind(request: HttpRequest) -> str | None:
    """The parameter `kind`, if present: ticks, frames or metrics. Raises HttpError."""
    return choice(request, "kind", KINDS)


def kind_or_all(request: HttpRequest, default: str) -> str | None:
    """The parameter `kind`, which may also be `all`: then None. Raises HttpError."""
    text = choice(request, "kind", (*KINDS, "all")) or default
    return None if text == "all" else text


def check_kind(kind: str) -> None:
    """Raises HttpError for a kind in a path that does not exist."""
    if kind not in KINDS:
        raise HttpError(404, "unknown_kind", f"there are {', '.join(KINDS)}, not {kind[:60]!r}")


def choice(request: HttpRequest, name: str, choices: tuple[str, ...]) -> str | None:
    """A parameter that is absent or one of `choices`. Raises HttpError."""
    text = request.GET.get(name)
    if text is not None and text not in choices:
        raise bad_parameter(f"{name} must be one of {', '.join(choices)}, got {shown(text)}")
    return text


def store(request: HttpRequest) -> str | None:
    """The parameter `store`: the id of the recording that the client knows. Raises HttpError."""
    text = request.GET.get("store")
    if text is not None and not is_store_id(text):
        raise bad_parameter(f"store must be 32 lower-case hexadecimal digits, got {shown(text)}")
    return text


async def relay(request: HttpRequest) -> Relay:
    """The relay of the market that `symbol` names, or of the default market. Raises HttpError."""
    symbol = request.GET.get("symbol")
    if symbol is not None and not SYMBOL_PATTERN.fullmatch(symbol):
        raise bad_parameter(f"symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got {shown(symbol)}")
    try:
        return await relays.get(symbol)
    except StreamError as error:
        raise HttpError(503 if error.close == CLOSE_UNAVAILABLE else 404, error.code, error.detail) from None
