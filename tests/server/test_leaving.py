"""Clients that leave while a thread is held up for them, as by a disk that hangs: nobody else waits for it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path

from runtime import pools
from runtime.pools import RequestThreads
from server import static
from server.request_threads import HttpThreads
from streaming.http import segments
from streaming.http.files import FileState, file_response
from streaming.http.ndjson import PIECE_BYTES, ndjson_response, streamed
from tests.processes import PATIENCE_SECONDS


class Hung(io.RawIOBase):
    """A file on a disk that answers no read until it is released, at the latest when it must have been."""

    def __init__(self) -> None:
        self.asked, self._answers, self.is_closed = threading.Event(), threading.Event(), threading.Event()
        self.was_late = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return offset if whence == io.SEEK_SET else 1_000

    def readinto(self, buffer: Any) -> int:
        self.asked.set()
        if not self._answers.wait(PATIENCE_SECONDS):
            self.was_late = True
        return 0

    def release(self) -> None:
        assert self.asked.is_set()
        assert not self.was_late
        self._answers.set()

    def close(self) -> None:
        super().close()
        self.is_closed.set()


async def at_the_beginning(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    return await ndjson_response(request, iter(file.readline, b""), pools.past, close=file.close)


async def in_the_middle(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    lines = chain((b"x" * PIECE_BYTES,), iter(file.readline, b""))
    return await ndjson_response(request, lines, pools.past, close=file.close)


async def of_a_file(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    return file_response(request, file, FileState(3, 0, '"abc"', True), "abc")


async def of_a_pending_file(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    state = await segments._with_end(file, Path("abc"), [])
    return file_response(request, file, state, "abc")


async def of_a_static_file(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    return streamed(request, static._Pieces(file), {})


Read = Callable[[HttpRequest, BinaryIO], Awaitable[HttpResponseBase]]
BEFORE_THE_ANSWER: tuple[Read, ...] = (at_the_beginning, of_a_pending_file)
WITHIN_THE_ANSWER: tuple[Read, ...] = (in_the_middle, of_a_file, of_a_static_file)


async def read(request: Any) -> HttpResponseBase:
    return await request.scope["read"](request, request.scope["file"])  # type: ignore[no-any-return]


def page(request: Any) -> HttpResponse:
    request.scope["hold"]()
    return HttpResponse(b"page")


async def other(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"other")


urlpatterns = [path("read", read), path("other", other), path("admin/page", page)]


@pytest.fixture(autouse=True)
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site with these paths, and with few threads for their steps."""
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
    for name, threads in (("steps", 1), ("admin", 2)):
        own = RequestThreads(name)
        own.start(threads)
        monkeypatch.setattr(pools, name, own)


async def ask(where: str, leaves: threading.Event | None = None, **told: Any) -> list[bytes]:
    """The pieces of the answer to a request, whose client leaves when the event is set."""
    body, sent = [{"type": "http.request", "body": b""}], list[bytes]()

    async def receive() -> dict[str, Any]:
        if body:
            return body.pop()
        await (asyncio.Event().wait() if leaves is None else asyncio.to_thread(leaves.wait, PATIENCE_SECONDS))
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))

    request = {"type": "http", "method": "GET", "path": where, "query_string": b"", "headers": [], "client": ["::1", 1]}
    await HttpThreads(ASGIHandler())(request | told, receive, send)
    return sent


async def others_go_on() -> None:
    assert b"".join(await ask("/other")) == b"other"


@pytest.mark.parametrize("reading", [*BEFORE_THE_ANSWER, *WITHIN_THE_ANSWER])
def test_who_leaves_while_a_disk_hangs_stops_nobody(reading: Read) -> None:
    async def leave() -> None:
        await ask("/read", disk.asked, read=reading, file=io.BufferedReader(disk))
        await others_go_on()
        disk.release()

    disk = Hung()
    asyncio.run(leave())
    assert disk.is_closed.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("reading", WITHIN_THE_ANSWER)
def test_a_request_that_is_given_up_while_a_disk_hangs_stops_nobody(reading: Read) -> None:
    async def give_up() -> None:
        asked = asyncio.create_task(ask("/read", read=reading, file=io.BufferedReader(disk)))
        await asyncio.to_thread(disk.asked.wait, PATIENCE_SECONDS)
        asked.cancel()
        await asyncio.wait([asked])
        await others_go_on()
        disk.release()

    disk = Hung()
    asyncio.run(give_up())
    assert disk.is_closed.wait(PATIENCE_SECONDS)


def test_the_thread_of_a_step_that_was_left_behind_is_nobody_elses_while_others_are_free() -> None:
    async def leave() -> None:
        asked = asyncio.create_task(ask("/admin/page", begun, hold=hold))
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        asked.cancel()  # what the server does some seconds after the client has left
        await asyncio.wait([asked])
        for _ in range(3):
            assert b"".join(await ask("/admin/page", hold=begun.is_set)) == b"page"
        assert pools.admin.taken == 1
        ends.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while pools.admin.taken:
                await asyncio.sleep(0.01)

    def hold() -> None:
        begun.set()
        assert ends.wait(PATIENCE_SECONDS)

    begun, ends = threading.Event(), threading.Event()
    asyncio.run(leave())
