"""Clients that leave while their answer is on its way out of Django: what it holds is given back all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.utils.decorators import async_only_middleware

from exports import answer
from exports.recorded import Rows, Wanted
from exports.under_way import under_way
from recorder.tape.history import Message
from runtime import pools
from server.request_threads import HttpThreads
from streaming.http.files import FileState, file_response
from streaming.http.ndjson import ndjson_response
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


class Endless:
    """A recording of ticks without end."""

    symbol, store_id = "IG-USD", None

    def messages(self, kinds: list[str], after_t: int, to_t: int | None) -> Iterator[Message]:
        for t in range(1 << 40):
            yield Message("ticks", t, t, b'{"type":"tick","t":%d,"ts":1.0}' % t)


async def table(request: Any) -> HttpResponseBase:
    made = await answer.answer(request, Rows(Endless(), Wanted("ticks"), None), "csv", {})  # type: ignore[arg-type]
    assert under_way._by_address.total() == 1
    return made


async def lines(request: Any) -> HttpResponseBase:
    endless, close = (b"{}" for _ in range(1 << 40)), request.scope["file"].close
    return await ndjson_response(request, endless, pools.past, close=close)


async def file(request: Any) -> HttpResponseBase:
    return file_response(request, request.scope["file"], FileState(3, 0, '"abc"', True), "abc")


urlpatterns = [path("table", table), path("lines", lines), path("file", file)]


@async_only_middleware
def keeping(get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> Any:
    """A middleware that has the answer until the client has left."""

    async def middleware(request: Any) -> HttpResponseBase:
        made = await get_response(request)
        assert made.streaming
        request.scope["answered"].set()
        await asyncio.sleep(PATIENCE_SECONDS)
        return made

    return middleware


async def ask_and_leave(where: str, file: BytesIO) -> None:
    answered, body = asyncio.Event(), [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        if body:
            return body.pop()
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    request = {"type": "http", "method": "GET", "path": where, "query_string": b"", "headers": [], "client": ["::1", 1]}
    await HttpThreads(ASGIHandler())(request | {"answered": answered, "file": file}, receive, send)


@pytest.mark.parametrize("where", ["/table", "/lines", "/file"])
def test_an_answer_that_has_not_left_django_is_closed(where: str, settings: Any) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, [f"{__name__}.keeping"]
    file = BytesIO(b"abc")
    asyncio.run(ask_and_leave(where, file))
    assert under_way._by_address.total() == 0
    assert file.closed is (where != "/table")
