"""Manifests over HTTP: which segments there are, as a list that is made while the client takes it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from recorder.manifest.lists import manifest_before, manifest_of, state_of
from recorder.segment.layout import KINDS
from recorder.tape.holes import holes
from runtime import pools
from runtime.db_threads import reading
from streaming.http import parameters
from streaming.http.ndjson import array, lines_response
from streaming.http.parameters import TapePart
from streaming.protocol import FIRST_T_HEADER, recording_headers
from streaming.relay.relay import Relay

Entry = dict[str, Any]

MOST_ENTRIES = 10_000
MOST_GAPS = 1000


@require_safe
async def manifest(request: HttpRequest, kind: str) -> HttpResponseBase:
    """What can be fetched of one kind, the pending segment last."""
    parameters.check_kind(kind)
    relay = await parameters.relay(request)
    part = parameters.part(request, MOST_ENTRIES)
    return await _answer(request, relay, (kind,), islice(_part_of(relay.symbol, kind, part, pending=True), part.limit))


@require_safe
async def segments(request: HttpRequest) -> HttpResponseBase:
    """Finished segments of one kind, of the ticks unless it is said, or of all."""
    relay = await parameters.relay(request)
    kind = parameters.kind_or_all(request, "ticks")
    part = parameters.part(request, MOST_ENTRIES)
    kinds = KINDS if kind is None else (kind,)
    of_kinds = [_with_kind(relay.symbol, one, part) for one in kinds]
    found = heapq.merge(*of_kinds, key=lambda entry: (entry["start_t"], entry["path"]))
    if part.before_t is not None:
        return await _answer(request, relay, kinds, _last(found, part.limit))
    return await _answer(request, relay, kinds, islice(found, part.limit))


@require_safe
async def gaps(request: HttpRequest) -> HttpResponse:
    """The t between segments of ticks that none of them holds."""
    relay = await parameters.relay(request)
    found = await pools.listings.run(reading, partial(holes, relay.symbol, "ticks", MOST_GAPS))
    body = orjson.dumps([{"from_t": first, "to_t": last} for first, last in found])
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})


def _with_kind(symbol: str, kind: str, part: TapePart) -> Iterator[Entry]:
    for entry in _part_of(symbol, kind, part, pending=False):
        yield {**entry, "kind": kind}


def _part_of(symbol: str, kind: str, part: TapePart, *, pending: bool) -> Iterator[Entry]:
    """What is wanted of a kind; where it is wanted from its beginning on, perhaps more."""
    if part.before_t is None:
        return manifest_of(symbol, kind, after_t=part.after_t, pending=pending)
    return manifest_before(symbol, kind, part.before_t, part.limit or MOST_ENTRIES, pending=pending)


def _last(entries: Iterator[Entry], most: int | None) -> Iterator[Entry]:
    yield from deque(entries, most or MOST_ENTRIES)


async def _answer(
    request: HttpRequest, relay: Relay, kinds: Sequence[str], entries: Iterator[Entry]
) -> HttpResponseBase:
    """A list, or 304 for a client that has it as it is now."""
    state = await pools.listings.run(reading, partial(state_of, relay.symbol, kinds))
    headers = {"ETag": f'W/"{relay.store_id or ""}-{state.version}"', "Cache-Control": "no-cache"}
    if state.first_t is not None:
        headers[FIRST_T_HEADER] = str(state.first_t)
    headers |= recording_headers(relay.store_id, await relay.learn_prices())
    found = get_conditional_response(request, headers["ETag"])
    if found is not None and found.status_code == 304:
        return HttpResponse(status=304, headers=headers)  # Django's own would lack what tells of the recording
    headers["Content-Type"] = "application/json"
    return await lines_response(request, array(entries), headers, pools.listings)
