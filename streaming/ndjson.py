"""Lines over HTTP, as NDJSON or as a JSON array: read while the client takes them, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

_PIECE_BYTES = 128 * 1024
_ARRAY_END = b"]\n"


class _Pieces:
    """Lines in pieces, as an object with `close`: Django calls it at once when a client goes away.

    A generator would wait for the garbage collector with its file open. `begun` was read already.
    """

    def __init__(self, lines: Iterator[bytes], close: Callable[[], Any] | None = None, begun: bytes = b"") -> None:
        self._lines, self._close, self._begun = lines, close, begun

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece, self._begun = self._begun or await asyncio.to_thread(_piece, self._lines), b""
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        if isinstance(self._lines, Generator):
            self._lines.close()
        if self._close is not None:
            self._close()


def _piece(lines: Iterator[bytes]) -> bytes:
    """The next lines, as many as have about so many bytes; nothing at the end."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch += [line, b"\n"]
        size += len(line)
        if size >= _PIECE_BYTES:
            break
    return b"".join(batch)


def ndjson_response(
    request: HttpRequest, lines: Iterator[bytes], close: Callable[[], Any] | None = None
) -> HttpResponseBase:
    """Stream lines; `close` is called when all is sent or the client is gone."""
    pieces = _Pieces(lines, close)
    headers = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
    if request.method == "HEAD":
        pieces.close()
    return streamed(request, pieces, headers)


async def array_response(
    request: HttpRequest, objects: Iterator[dict[str, Any]], headers: dict[str, str]
) -> HttpResponseBase:
    """Objects as a JSON array, one a line; a short one at once, with its length.

    What they are read from fails before there is an answer, if it does at the beginning.
    """
    lines = _array(objects)
    begun = await asyncio.to_thread(_piece, lines)
    if begun.endswith(_ARRAY_END):
        return HttpResponse(begun, headers=headers)
    return streamed(request, _Pieces(lines, begun=begun), headers)


def _array(objects: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    before = b"["
    for one in objects:
        yield before + orjson.dumps(one)
        before = b","
    yield b"]" if before == b"," else b"[]"


def streamed(request: HttpRequest, pieces: AsyncIterator[bytes], headers: dict[str, str]) -> HttpResponseBase:
    """An answer in pieces; to HEAD none of them, and no length either, since GET tells none."""
    return StreamingHttpResponse(one_by_one(()) if request.method == "HEAD" else pieces, headers=headers)


async def one_by_one(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Pieces for a client that takes them at its own pace."""
    for piece in pieces:
        yield piece
