"""A table as an answer over HTTP: made on the threads of a pool while the client takes it, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from exports.formats import FORMATS
from exports.recorded import Rows
from exports.under_way import under_way
from marketcamera.tables.gaps import Gaps
from runtime.pools import exports
from runtime.trailers import trailers_of
from streaming.admitting import client_address
from streaming.http.ndjson import PIECE_BYTES, streamed
from streaming.open_places import SLOW_SECONDS

#: Of more gaps than this, the last one in the field `Gap` covers the rest: clients limit the size of fields.
MOST_GAPS_IN_FIELD = 50


class _Pieces:
    """The bytes of a table in pieces; with `close`, which Django calls at once when a client disconnects."""

    def __init__(self, made: Iterator[bytes], rows: Rows, end: Callable[[], None]) -> None:
        self._made, self._rows, self._end = _cut(made), rows, end
        self._begun: list[bytes] = []
        self._slow: asyncio.TimerHandle | None = None

    async def begin(self) -> bytes | None:
        """Make the beginning; all of it, if that is little. Raises Busy, and what reading and making raise."""
        self._begun, is_all = await exports.run(_beginning, self._made)
        return b"".join(self._begun) if is_all else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._in_time()
        piece = self._begun.pop(0) if self._begun else await exports.go_on(next, self._made, b"")
        if not piece:
            raise StopAsyncIteration
        # A client that takes its time keeps no file open.
        self._slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._rows.let_go)
        return piece

    def _in_time(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def close(self) -> None:
        self._in_time()
        self._made = iter(())
        self._rows.end()  # else a thread that makes a piece now would read to the end of its batch
        self._end()


def _cut(made: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at most PIECE_BYTES, none of them empty."""
    for part in made:
        for at in range(0, len(part), PIECE_BYTES):
            yield part[at : at + PIECE_BYTES]


def _beginning(made: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """The first pieces, of PIECE_BYTES together or more, and whether they are all."""
    begun, size = list[bytes](), 0
    for piece in made:
        begun.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            return begun, False
    return begun, True


async def answer(request: HttpRequest, rows: Rows, form: str, headers: dict[str, str]) -> HttpResponseBase:
    """The table in a format; the field `Gap` follows the body as a trailer, or is a header where all is sent at once.

    If reading fails at the beginning, it does so before there is an answer. Raises HttpError where too many are under
    way, Busy, OSError, django.db.Error.
    """
    headers = {"Content-Type": FORMATS[form].content_type, "Cache-Control": "no-store", **headers}
    trailers = trailers_of(request.scope)  # type: ignore[attr-defined]

    def told() -> dict[str, str]:
        trailers["Gap"] = gap_field(rows.gaps)
        return rows.told()

    end = under_way.begin(client_address(request.scope))  # type: ignore[attr-defined]
    pieces = _Pieces(FORMATS[form].pieces(rows.schema, rows.batches, told), rows, end)
    try:
        whole = await pieces.begin()
    except BaseException:
        pieces.close()
        raise
    if whole is None:
        return streamed(request, pieces, {**headers, "Trailer": "Gap"})
    pieces.close()
    return HttpResponse(whole, headers={**headers, "Gap": trailers.pop("Gap")})


def gap_field(gaps: Gaps) -> str:
    """What is missing as a field of HTTP: `3-9 lost, 12-12 damaged`, or `none`."""
    found = list(gaps)
    told, more = found[:MOST_GAPS_IN_FIELD], found[MOST_GAPS_IN_FIELD:]
    if more:
        told[-1] = told[-1]._replace(to_t=more[-1].to_t)
    return ", ".join(f"{gap.from_t}-{gap.to_t} {gap.reason}" for gap in told) or "none"
