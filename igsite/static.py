"""Static files by whitenoise, without a thread hop for the requests that are none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise for an asynchronous handler.

    WhiteNoise itself is synchronous: every request, of the API too, would pass through a thread. Its
    FileResponse is synchronous as well and would be read whole by the handler, with a warning; so read it here.
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
            found = await sync_to_async(self._read, thread_sensitive=False)(request)
            if found is not None:
                return found
        return await self.get_response(request)

    def _read(self, request: HttpRequest) -> HttpResponse | None:
        static_file = self.files.get(request.path_info)
        if static_file is None:
            return None
        answer = static_file.get_response(request.method, request.META)
        body = b"" if answer.file is None else answer.file.read()
        if answer.file is not None:
            answer.file.close()
        response = HttpResponse(body, status=int(answer.status))
        del response["Content-Type"]
        for name, value in answer.headers:
            response[name] = value
        return response
