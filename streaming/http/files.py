"""Files over HTTP: byte ranges, validators, and a body that is read in small pieces while the client takes it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from recorder.segment.endings import ending_of
from recorder.segment.listing import Copy
from runtime import pools
from runtime.held import at_end
from runtime.held_open import HeldOpen
from runtime.http_errors import HttpError

_PIECE_BYTES = 128 * 1024
#: No more digits than any client's largest number has: Python refuses to read thousands of them. Blanks are given back
#: to nothing else (`*+`): one header of them would be tried in all its parts for hours, and hold all threads meanwhile.
_RANGE = re.compile(r"bytes=\s*+([0-9]{0,40})\s*+-\s*+([0-9]{0,40})\s*+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileState:
    """What validators are made of: size in bytes, modification time in seconds, and whether it can still grow.

    The last bytes of the size may be a `tail` that is not in the file.
    """

    size: int
    mtime: float
    etag: str
    finished: bool
    tail: bytes = b""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, end) of a single range in a file of `size` bytes; None for the whole file.

    Several ranges, another unit or anything that is no range is ignored, as RFC 9110 (14.2) allows. A range
    outside the file raises HttpError 416.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        first, end = max(0, size - int(found[2])), size
    else:
        first, end = int(found[1]), int(found[2]) + 1 if found[2] else size
        if found[2] and end <= first:
            return None
    if first >= size:
        message = f"the range {header!r:.80} lies outside the {size} bytes of the file"
        raise HttpError(416, "range_not_satisfiable", message, {"Content-Range": f"bytes */{size}"})
    return first, min(end, size)


def begin(request: HttpRequest, file: BinaryIO, state: FileState) -> None:
    """Read the beginning of what is asked for, so that a file over the network fails before there is an answer.

    Raises HttpError, OSError.
    """
    part = wanted_range(request, state)
    file.seek(part[0] if part else 0)
    file.read(0 if request.method == "HEAD" else 1)


def is_fresh(request: HttpRequest, state: FileState) -> bool:
    """Whether the client's copy is the file as it is now. Raises HttpError 412 when it wants another version only."""
    found = get_conditional_response(request, state.etag, int(state.mtime))
    if found is not None and found.status_code == 412:
        message = f"the file is {state.etag} of {http_date(state.mtime)}, not the one that was asked for"
        raise HttpError(412, "precondition_failed", message)
    return found is not None


def wanted_range(request: HttpRequest, state: FileState) -> tuple[int, int] | None:
    """The range to answer with; none when If-Range names another version of the file, for HEAD, which has no ranges
    (RFC 9110, 14.2), and behind a tail: ranges are of the file itself. Raises HttpError 416."""
    if request.method == "HEAD" or state.tail:
        return None
    condition = request.headers.get("If-Range")
    if condition is None or condition == state.etag:
        return byte_range(request.headers.get("Range"), state.size)
    # A file that grows may do so twice within the second that a date tells: only a finished one is known by it.
    if state.finished and condition == http_date(state.mtime):
        return byte_range(request.headers.get("Range"), state.size)
    return None


def asks_for_part(request: HttpRequest, state: FileState) -> bool:
    """Whether the answer is not the whole file, be it a part or the news that there is no such part."""
    try:
        return wanted_range(request, state) is not None
    except HttpError:
        return True


def file_response(request: HttpRequest, file: BinaryIO, state: FileState, name: str) -> HttpResponseBase:
    """The answer to a request for an open file; the response closes it."""
    headers = {
        "ETag": state.etag,
        "Last-Modified": http_date(state.mtime),
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=31536000, immutable" if state.finished else "no-cache",
        "Vary": "Origin",
    }
    try:
        if is_fresh(request, state):
            file.close()
            return HttpResponse(status=304, headers=headers)
        part = wanted_range(request, state)
    except HttpError:
        file.close()
        raise
    first, end = part or (0, state.size)
    if part:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{state.size}"
    headers["Content-Length"] = str(end - first)
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if request.method == "HEAD":
        file.close()
        body: HttpResponseBase = HttpResponse(headers=headers)
    else:
        pieces = _Pieces(file, first, end - len(state.tail), state.tail)
        at_end(request, pieces.close)
        body = StreamingHttpResponse(pieces, status=206 if part else 200, headers=headers)
    body["Content-Type"] = "application/octet-stream"
    return body


class _Pieces:
    """A part of a file, read piece by piece, and a tail.

    An object with `close`, which Django calls when the client goes away.
    """

    def __init__(self, file: BinaryIO, first: int, end: int, tail: bytes) -> None:
        self._file, self._left, self._tail = file, end - first, tail
        self._open = HeldOpen(file.close)
        file.seek(first)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece: bytes = await pools.files.go_on(self._open.during, self._file.read, min(_PIECE_BYTES, self._left))
        if not piece and not self._left:
            piece, self._tail = self._tail, b""
        if not piece:  # all is sent; or the file was cut meanwhile, and the missing bytes tell the client
            raise StopAsyncIteration
        self._left = max(0, self._left - len(piece))
        return piece

    def close(self) -> None:
        self._open.close()


def state_of(file: BinaryIO, path: Path, *, finished: bool) -> FileState:
    """The validators of an open segment: a finished file never changes, so its name and size identify it."""
    facts = os.fstat(file.fileno())
    return FileState(facts.st_size, facts.st_mtime, _tag(path, facts.st_size), finished)


def state_of_copy(copy: Copy, file: BinaryIO, path: Path) -> FileState:
    """Those of the copy of a segment whose file would be at `path`: the same if the content is."""
    size = file.seek(0, os.SEEK_END)
    return FileState(size, copy.changed_at, _tag(path, size), copy.finished)


def state_with_end(file: BinaryIO, path: Path, near: int, changed_at: float | None = None) -> FileState:
    """Those of a pending segment as it is given whole: as far as it has come, and what makes that a whole zstd file.

    `near` is where one of its last frames begins, as far as is known; `changed_at` is known of a copy. Raises OSError.
    """
    cut, tail = ending_of(file, near)
    mark = f"+{hashlib.blake2b(tail, digest_size=8).hexdigest()}" if tail else ""
    mtime = os.fstat(file.fileno()).st_mtime if changed_at is None else changed_at
    return FileState(cut + len(tail), mtime, _tag(path, cut, mark), False, tail)


def _tag(path: Path, size: int, mark: str = "") -> str:
    return f'"{path.name.split(".")[0]}-{size:x}{mark}"'
