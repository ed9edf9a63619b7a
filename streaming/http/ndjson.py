"""Lines over HTTP, as NDJSON or as a JSON array: read while the client takes them, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from runtime.held import at_end
from runtime.held_open import HeldOpen
from runtime.pools import Pool
from streaming.open_places import SLOW_SECONDS

#: About how many bytes of its body an answer holds at a time.
PIECE_BYTES = 128 * 1024

Lines = Iterator[bytes]


class _Pieces:
    """Lines in pieces, as an object with `close`, which Django calls at once when a client disconnects.

    `again` returns the lines after a given one; `close` is called at the end.
    """

    def __init__(
        self, lines: Lines, pool: Pool, again: Callable[[bytes], Lines] | None, close: Callable[[], Any] | None
    ) -> None:
        self._lines, self._pool, self._again = lines, pool, again
        self._open = HeldOpen(close or (lambda: None))
        self._begun = b""
        self._slow: asyncio.TimerHandle | None = None

    async def begin(self) -> bytes:
        """Read the first piece. Raises Busy, and what the lines raise."""
        self._begun = await self._pool.run(self._open.during, _piece, self._lines)
        return self._begun

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._in_time()
        piece, self._begun = self._begun or await self._pool.go_on(self._open.during, _piece, self._lines), b""
        if not piece:
            raise StopAsyncIteration
        if self._again is not None:
            self._slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._give_up, piece)
        return piece

    def _in_time(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _give_up(self, piece: bytes) -> None:
        assert self._again is not None
        self._lines = self._again(piece[:-1].rpartition(b"\n")[2])

    def close(self) -> None:
        self._in_time()
        self._lines = iter(())  # a thread that reads them now closes them when it is done
        self._open.close()


def _piece(lines: Lines) -> bytes:
    """The next lines, up to about this many bytes; nothing at the end."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch += [line, b"\n"]
        size += len(line)
        if size >= PIECE_BYTES:
            break
    return b"".join(batch)


async def lines_response(
    request: HttpRequest,
    lines: Lines,
    headers: dict[str, str],
    pool: Pool,
    *,
    again: Callable[[bytes], Lines] | None = None,
    close: Callable[[], Any] | None = None,
) -> HttpResponseBase:
    """Lines that are read on a pool's threads; a few lines are answered at once, with their length.

    If reading fails at the beginning, it does so before there is an answer. With `again`, a slow client keeps nothing
    open. `close` is called when everything is sent or the client is gone. Raises pools.Busy.
    """
    pieces = _Pieces(lines, pool, again, close)
    try:
        begun = await pieces.begin()
    except BaseException:
        pieces.close()
        raise
    if len(begun) >= PIECE_BYTES:
        return streamed(request, pieces, headers)
    pieces.close()
    return HttpResponse(begun, headers=headers)


async def ndjson_response(request: HttpRequest, lines: Lines, pool: Pool, **options: Any) -> HttpResponseBase:
    """Lines unchanged, as `lines_response` returns them."""
    return await lines_response(
        request, lines, {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}, pool, **options
    )


def array(objects: Iterable[dict[str, Any]]) -> Lines:
    """Objects as a JSON array, one a line."""
    before = b"["
    for one in objects:
        yield before + orjson.dumps(one)
        before = b","
    yield b"]" if before == b"," else b"[]"


def streamed(request: HttpRequest, pieces: Any, headers: dict[str, str]) -> HttpResponseBase:
    """An answer in pieces, which are closed at its end.

    HEAD gets no pieces, and no length either, because GET gives none.
    """
    if request.method == "HEAD":
        pieces.close()
        pieces = _nothing()
    else:
        at_end(request, pieces.close)
    return StreamingHttpResponse(pieces, headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
