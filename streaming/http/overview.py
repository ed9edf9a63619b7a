"""The HTTP path `/overview`: any range of a recording in a few hundred buckets, with its gaps, runs and events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from recorder.digests.overview import Summed, metric_tail, overview
from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime import pools
from runtime.db_threads import detached
from runtime.http_errors import bad_parameter
from streaming.http import parameters
from streaming.protocol import recording_headers
from streaming.relay.relay import Relay

T = TypeVar("T")

_POINTS, _MOST_POINTS = 800, 5000

#: What is summed up of the open segment is shared for so long by all who ask.
_FRESH_SECONDS = 1.0


@require_safe
async def overview_of(request: HttpRequest) -> HttpResponse:
    """The range from `t0` to `t1`, or all of the recording, in at most `points` buckets."""
    relay = await parameters.relay(request)
    t0, t1, points = _asked(request)
    tail = await tails.newest(relay)
    body = await pools.listings.ask(lambda: overview(relay.symbol, tail, t0, t1, points))
    return await answer(request, relay, body)


def _asked(request: HttpRequest) -> tuple[int | None, int | None, int]:
    """The range and the number of points. Raises HttpError."""
    t0, t1 = (
        parameters.integer(request, name, None, 0, parameters.LARGEST_T) if name in request.GET else None
        for name in ("t0", "t1")
    )
    if t0 is not None and t1 is not None and t1 < t0:
        raise bad_parameter(f"t1 must not be below t0, got t0={t0} and t1={t1}")
    return t0, t1, parameters.integer(request, "points", _POINTS, 1, _MOST_POINTS)


async def answer(request: HttpRequest, relay: Relay, body: dict[str, Any]) -> HttpResponse:
    """The body as JSON, or 304 for a client that has it."""
    text = orjson.dumps(body)
    headers = {"ETag": f'"{blake2b(text, digest_size=12).hexdigest()}"', "Cache-Control": "no-cache"}
    headers |= recording_headers(relay.store_id, await relay.learn_prices())
    known = get_conditional_response(request, headers["ETag"])
    if known is not None and known.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(text, content_type="application/json", headers=headers)


class Shared(Generic[T]):
    """The result of some work on the recording, done at most once a second, whoever asks. For the loop's thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._done_at = float("-inf")

    async def get(self) -> T:
        """Raises pools.Busy, and the errors of the work."""
        now = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now - self._done_at >= _FRESH_SECONDS):
            self._task = asyncio.create_task(self._do())
        return await asyncio.shield(self._task)

    async def _do(self) -> T:
        try:
            return await pools.past.run(detached, self._work)
        finally:
            self._done_at = asyncio.get_running_loop().time()


class Newest(Generic[T]):
    """What is newest of each market's recording: `begin` makes the work of a recording. For the loop's thread."""

    def __init__(self, begin: Callable[[History], Callable[[], T]]) -> None:
        self._begin = begin
        self._of: dict[str, tuple[str | None, Shared[T]]] = {}

    async def newest(self, relay: Relay) -> T:
        """That of the recording that is there now. Raises OSError, django.db.Error, pools.Busy."""
        try:
            return await self._shared(relay).get()
        except OtherStore as other:
            relay.enter(other.store_id)
        return await self._shared(relay).get()

    def _shared(self, relay: Relay) -> Shared[T]:
        known = self._of.get(relay.symbol)
        if known is None or known[0] != relay.store_id:
            known = self._of[relay.symbol] = (relay.store_id, Shared(self._begin(relay.history)))
        return known[1]


def _metrics_of(history: History) -> Callable[[], Summed | None]:
    return metric_tail(history).step


tails: Newest[Summed | None] = Newest(_metrics_of)
