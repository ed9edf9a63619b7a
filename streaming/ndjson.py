"""NDJSON over HTTP: lines that are read while the client takes them, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

_BATCH_LINES = 100


class _Pieces:
    """Lines in pieces, as an object with `close`: Django calls it at once when a client goes away.

    A generator would wait for the garbage collector with its file open.
    """

    def __init__(self, lines: Iterator[bytes], close: Callable[[], Any] | None) -> None:
        self._lines, self._close = lines, close

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        batch = await asyncio.to_thread(lambda: list(islice(self._lines, _BATCH_LINES)))
        if not batch:
            raise StopAsyncIteration
        return b"\n".join(batch) + b"\n"

    def close(self) -> None:
        if isinstance(self._lines, Generator):
            self._lines.close()
        if self._close is not None:
            self._close()


def ndjson_response(
    request: HttpRequest, lines: Iterator[bytes], close: Callable[[], Any] | None = None
) -> HttpResponseBase:
    """Stream lines; `close` is called when all is sent or the client is gone."""
    pieces = _Pieces(lines, close)
    headers = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
    if request.method == "HEAD":
        pieces.close()
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(pieces, headers=headers)
