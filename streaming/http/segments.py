"""Segments over HTTP: found by name, and returned as the file, as its lines, or as its seek points."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe

from recorder.errors import BadName
from recorder.models import Segment
from recorder.segment.layout import KINDS, market_dir, parse_name, pending_name
from recorder.segment.listing import Found, SeekPoints
from recorder.segment.segment_lines import Opened, copy_opened, is_on_disk, open_segment
from recorder.tape.reader import texts_of
from recorder.tape.segment_finder import known
from runtime import pools
from runtime.held_open import HeldOpen
from runtime.http_errors import HttpError
from runtime.shown import shown
from streaming.http import files, parameters
from streaming.http.ndjson import ndjson_response

#: What is given of a segment: the file, its lines, or where reading may begin.
FORMS = ("zst", "jsonl", "seek")


@require_safe
async def segment(request: HttpRequest, kind: str, name: str) -> HttpResponseBase:
    """A segment's file, whole or in part."""
    parameters.check_kind(kind)
    return await _answer(request, (kind,), name.removeprefix(f"{kind}/"))


@require_safe
async def segment_by_name(request: HttpRequest, name: str) -> HttpResponseBase:
    """The same without its kind: the first kind that has a segment of this name, ticks first."""
    kind = parameters.kind(request)
    return await _answer(request, KINDS if kind is None else (kind,), name)


async def _answer(request: HttpRequest, kinds: Sequence[str], name: str) -> HttpResponseBase:
    form = parameters.choice(request, "format", FORMS)
    relay = await parameters.relay(request)
    try:
        lasting = parse_name(name).lasting
    except BadName as error:
        raise HttpError(404, "unknown_segment", str(error)) from None
    of_name = Segment.objects.of(relay.symbol).filter(kind__in=kinds, name=lasting).select_related("market")
    rows = await pools.lookups.ask(lambda: {row.kind: row for row in of_name})
    directory = market_dir(settings.CONFIG.store_dir, relay.symbol, settings.CONFIG.symbol)
    kind = await pools.files.run(_kind_of, directory, kinds, lasting, rows)
    row = rows.get(kind)
    if row is not None and row.removed_at is not None:
        raise HttpError(404, "segment_removed", f"{kind}/{lasting} was removed on {row.removed_at:%Y-%m-%d}")
    here = Found(parse_name(pending_name(lasting)))
    if row is not None:
        here = await pools.files.run(known, row, directory / kind)
    if form == "seek":
        return await pools.files.run(_seek_points, directory / kind, row, here)
    segment = await pools.files.run(_opened, directory / kind, here, request.GET.get("of"))
    if segment is None or segment.file is None:
        raise HttpError(404, "unknown_segment", f"there is no {kind}/{lasting}")
    file, path = segment.file, segment.path
    if segment.status is None:
        return await _of_copy(request, segment, file, here, form)
    if form == "jsonl":
        return await ndjson_response(request, texts_of(segment, kind, here), pools.past, close=segment.close)
    state = files.state_of(file, path, finished=segment.finished)
    if not state.finished and not files.asks_for_part(request, state):
        state = await _with_end(file, path, row.seek_points if row is not None else [])
    return files.file_response(request, file, state, path.name)


async def _with_end(file: BinaryIO, path: Path, points: SeekPoints) -> files.FileState:
    """The state of a pending segment that is given whole. If it cannot be read, or nobody waits, the file is closed."""
    is_open = HeldOpen(file.close)
    try:
        return await pools.past.run(is_open.during, files.state_with_end, file, path, points[-1][1] if points else 0)
    except BaseException:
        is_open.close()
        raise


async def _of_copy(
    request: HttpRequest, segment: Opened, file: BinaryIO, here: Found, form: str | None
) -> HttpResponseBase:
    """The answer from the copy of a segment. If the bucket fails at its beginning, there is none yet."""
    assert here.copy is not None
    kind, state = segment.path.parent.name, files.state_of_copy(here.copy, file, segment.path)
    try:
        if form == "jsonl":
            return await ndjson_response(request, texts_of(segment, kind, here), pools.past, close=segment.close)
        if state.finished or files.asks_for_part(request, state):
            await pools.files.run(files.begin, request, file, state)
        else:
            near = max((at for _, at in here.copy.points if at < state.size), default=0)
            state = await pools.files.run(files.state_with_end, file, segment.path, near, state.mtime)
        return files.file_response(request, file, state, segment.path.name)
    except BaseException as error:
        segment.close()
        if isinstance(error, FileNotFoundError):
            raise HttpError(404, "unknown_segment", f"there is no {kind}/{segment.path.name}") from None
        raise


def _kind_of(directory: Path, kinds: Sequence[str], lasting: str, rows: Container[str]) -> str:
    """The kind of a segment: the first that has a row or a file of this name.

    A removed segment counts: the name must not change its meaning when a clean-up removes the file of the ticks.
    """
    if len(kinds) == 1:
        return kinds[0]
    names = (lasting, pending_name(lasting))
    known = (kind for kind in kinds if kind in rows or any((directory / kind / name).exists() for name in names))
    return next(known, kinds[0])


def _opened(directory: Path, here: Found, of: str | None) -> Opened | None:
    """The segment, of a content if one is named; its copy in the bucket may be compressed anew. Raises HttpError."""
    if of is None or not here.sha256:
        return open_segment(directory, here)
    if here.copy is not None and of == here.copy.sha256 != here.sha256:
        return copy_opened(directory, here)
    segment = open_segment(directory, here)
    if segment is not None:
        content = here.sha256 if segment.status is not None or here.copy is None else here.copy.sha256
        if of != content:
            segment.close()
            raise HttpError(409, "other_content", f"{here.name.lasting} is not of the content {shown(of)} any more")
    return segment


def _seek_points(directory: Path, row: Segment | None, here: Found) -> HttpResponse:
    """Where a reader may begin: [first t, byte offset] of each zstd frame, as far as the manifest knows.

    They are those of the file that is read here. Raises HttpError, OSError.
    """
    if row is None:
        raise HttpError(404, "unknown_segment", f"there is no {directory.name}/{here.name.lasting}")
    size, points, sha256 = row.bytes, row.seek_points, row.sha256
    if here.copy is not None and not is_on_disk(directory, here):
        size, points, sha256 = _size_of(directory, here), here.copy.points, here.copy.sha256
    points = [point for point in points if point[1] < size]
    age = "public, max-age=31536000, immutable" if sha256 else "no-cache"
    body = {"path": row.path, "bytes": size, "seek_points": points, "sha256": sha256}
    return JsonResponse(body, headers={"Cache-Control": age})


def _size_of(directory: Path, here: Found) -> int:
    segment = copy_opened(directory, here)
    if segment is None or segment.file is None:
        return 0
    with segment.file as file:
        return file.seek(0, os.SEEK_END)
