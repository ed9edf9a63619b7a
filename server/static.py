"""Static files by whitenoise, without a change of thread for all other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from runtime import pools
from runtime.held_open import HeldOpen
from runtime.http_errors import busy
from streaming.http.ndjson import PIECE_BYTES, streamed

#: A page asks for a hundred and fifty small files, and most of such an answer is opening and reading it on a thread.
_MOST_KEPT_BYTES = 131_072


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise for an asynchronous handler.

    WhiteNoise itself is synchronous: every request, even to the API, would pass through a thread. Its FileResponse is
    synchronous too, and the handler would read it whole, with a warning. This class therefore reads it itself.
    """

    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        super().__init__(get_response)
        #: Small files as they were first read: their sizes and dates are those of the start, too.
        self._kept: dict[str, bytes] = {}
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if not self._asynchronous:
            return super().__call__(request)
        return self._acall(request)

    async def _acall(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(settings.STATIC_URL):
            try:
                found = await self._answer(request)
            except pools.Busy as error:  # no middleware above this one turns it into an answer
                return busy(error).response()
            if found is not None:
                return found
        return await self.get_response(request)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase | None:
        static_file = self.files.get(request.path_info)
        if static_file is None:
            return None
        is_for_all = request.method == "GET" and "HTTP_RANGE" not in request.META
        if is_for_all and (kept := await self._kept_answer(static_file, request)) is not None:
            return kept
        answer = await pools.files.run(static_file.get_response, request.method, request.META)
        if answer.file is None:
            return _with_headers(HttpResponse(status=int(answer.status)), answer.headers)
        response = streamed(request, _Pieces(answer.file), {})
        response.status_code = int(answer.status)
        return _with_headers(response, answer.headers)

    async def _kept_answer(self, static_file: StaticFile, request: HttpRequest) -> HttpResponseBase | None:
        """The whole of a small file, or that the client has it; None for a large one."""
        if static_file.is_not_modified(request.META):
            known = static_file.not_modified_response
            return _with_headers(HttpResponse(status=int(known.status)), known.headers)
        path, headers = static_file.get_path_and_headers(request.META)
        if int(dict(headers)["Content-Length"]) > _MOST_KEPT_BYTES:
            return None
        if path not in self._kept:
            self._kept[path] = await pools.files.run(Path(path).read_bytes)
        return _with_headers(HttpResponse(self._kept[path]), headers)


def _with_headers(response: HttpResponseBase, headers: list[tuple[str, str]]) -> HttpResponseBase:
    del response["Content-Type"]
    for name, value in headers:
        response[name] = value
    return response


class _Pieces:
    """A file, read while the client takes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._open = file, HeldOpen(file.close)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece: bytes = await pools.files.go_on(self._open.during, self._file.read, PIECE_BYTES)
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        self._open.close()
