"""Static files by whitenoise, without a change of thread for all other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, BinaryIO

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from runtime import pools
from runtime.http_errors import busy
from streaming.http.ndjson import PIECE_BYTES, streamed


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise for an asynchronous handler.

    WhiteNoise itself is synchronous: every request, even to the API, would pass through a thread. Its FileResponse is
    synchronous too, and the handler would read it whole, with a warning. This class therefore reads it itself.
    """

    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        super().__init__(get_response)
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
        answer = await pools.files.run(static_file.get_response, request.method, request.META)
        if answer.file is None:
            response: HttpResponseBase = HttpResponse(status=int(answer.status))
        else:
            response = streamed(request, _Pieces(answer.file), {})
            response.status_code = int(answer.status)
        del response["Content-Type"]
        for name, value in answer.headers:
            response[name] = value
        return response


class _Pieces:
    """A file, read while the client takes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await pools.files.go_on(self._file.read, PIECE_BYTES)
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        self._file.close()
