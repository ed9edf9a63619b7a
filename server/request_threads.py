"""Threads of HTTP requests: Django's synchronous steps run on threads started before the first request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from asgiref.sync import ThreadSensitiveContext

from runtime import pools
from runtime.held import HELD
from runtime.http_errors import busy

Application = Callable[..., Awaitable[None]]


class HttpThreads:
    """Gives each request one of the threads for its kind, or refuses it; and ends with it what is held for it.

    Django alone starts a thread, and with it a connection to the database, for each request in progress.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        hands = pools.admin if scope["path"].startswith("/admin") else pools.steps
        try:
            with hands.hand() as thread, ExitStack() as held:
                async with ThreadSensitiveContext(executor=thread):
                    await self._application({**scope, HELD: held}, receive, send)
        except pools.Busy as error:
            await _refuse(error, send)


async def _refuse(error: pools.Busy, send: Any) -> None:
    answer = busy(error).response()
    answer["Content-Length"] = str(len(answer.content))
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
