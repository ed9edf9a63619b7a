"""Manifests over HTTP: which segments there are, as a list that is made while the client takes it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from recorder.format import KINDS
from recorder.manifest import manifest_of, state_of
from recorder.rows import reading
from streaming import parameters
from streaming.ndjson import array_response
from streaming.protocol import FIRST_T_HEADER, STORE_HEADER
from streaming.relay import Relay

Entry = dict[str, Any]

_MOST_ENTRIES = 10_000


@require_safe
async def manifest(request: HttpRequest, kind: str) -> HttpResponseBase:
    """What can be fetched of one kind, the pending segment last."""
    parameters.check_kind(kind)
    relay = await parameters.relay(request)
    after_t, limit = parameters.listing(request, _MOST_ENTRIES)
    return await _answer(request, relay, (kind,), islice(manifest_of(relay.symbol, kind, after_t=after_t), limit))


@require_safe
async def segments(request: HttpRequest) -> HttpResponseBase:
    """Finished segments of one kind, of the ticks unless it is said, or of all."""
    relay = await parameters.relay(request)
    kind = parameters.kind_or_all(request, "ticks")
    after_t, limit = parameters.listing(request, _MOST_ENTRIES)
    kinds = KINDS if kind is None else (kind,)
    of_kinds = [_with_kind(relay.symbol, one, after_t) for one in kinds]
    found = heapq.merge(*of_kinds, key=lambda entry: (entry["start_t"], entry["path"]))
    return await _answer(request, relay, kinds, islice(found, limit))


def _with_kind(symbol: str, kind: str, after_t: int | None) -> Iterator[Entry]:
    for entry in manifest_of(symbol, kind, after_t=after_t, pending=False):
        yield {**entry, "kind": kind}


async def _answer(
    request: HttpRequest, relay: Relay, kinds: Sequence[str], entries: Iterator[Entry]
) -> HttpResponseBase:
    """A list, or 304 for a client that has it as it is now."""
    state = await asyncio.to_thread(reading, partial(state_of, relay.symbol, kinds))
    headers = {"ETag": f'W/"{relay.store_id or ""}-{state.version}"', "Cache-Control": "no-cache"}
    if state.first_t is not None:
        headers[FIRST_T_HEADER] = str(state.first_t)
    if relay.store_id is not None:
        headers[STORE_HEADER] = relay.store_id
    tags = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in tags or headers["ETag"].removeprefix("W/") in (tag.removeprefix("W/") for tag in tags):
        return HttpResponse(status=304, headers=headers)
    return await array_response(request, entries, {**headers, "Content-Type": "application/json"})
