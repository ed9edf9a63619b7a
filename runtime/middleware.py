"""What every middleware of the asynchronous handler begins with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse


class AsyncMiddleware(ABC):
    """A middleware without a synchronous form; `__call__` awaits `_get_response` for the answer."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    @abstractmethod
    async def __call__(self, request: HttpRequest) -> HttpResponse: ...


def keep_headers(answer: HttpResponse, replaced: HttpResponse) -> None:
    """Give an answer the headers of the one whose body it replaces, but for those that it sets itself."""
    for name, value in replaced.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers.setdefault(name, value)
