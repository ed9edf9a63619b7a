"""Recordings of a stream in a file of one's own: NDJSON, plain or as zstd, gap lines where something is missing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from marketcamera.decoding import decode, zstandard_module
from marketcamera.errors import MarketCameraError
from marketcamera.messages import KINDS, Gap, Received

#: Where the last line of a file is looked for; a frame of 10,000 agents has some megabytes.
_TAIL_BYTES = 64 << 20


def line_of(message: Received) -> str:
    """A message as one line of JSON, without its end."""
    data = {"type": "gap", **asdict(message)} if isinstance(message, Gap) else message.data
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def up_to(messages: Iterable[Received], last_t: int, kinds: Collection[str]) -> Iterator[Received]:
    """The messages with t <= last_t of a stream of these kinds, a gap as far as it goes; ends when none can follow.

    All of one t come in the order of `KINDS`, so the last kind there is ends it; a gap says nothing of other kinds.
    """
    last_kind = [kind for kind in KINDS if kind in kinds][-1]
    gone: set[str] = set()
    for message in messages:
        if isinstance(message, Gap):
            if message.from_t <= last_t:
                yield replace(message, to_t=min(message.to_t, last_t))
            gone |= {message.kind} if message.to_t >= last_t else set()
            if gone.issuperset(kinds):
                return
            continue
        if message.t > last_t:
            return
        yield message
        if message.t == last_t and message.kind == last_kind:
            return


def take_up(path: Path) -> int | None:
    """The t behind which to go on with a plain file; None if there is no file, or nothing in it.

    The lines of its last t are removed, for some of that t may be missing, and so are gap lines behind them: all of
    that comes again. Raises MarketCameraError for a file that is no recording, OSError.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    if path.suffix == ".zst":
        raise MarketCameraError(f"{path} exists already, and a zstd file cannot be gone on with")
    with path.open("r+b") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        begin, tail = file.tell(), file.read()
        kept, last_t = _without_last_t(tail, path)
        file.truncate(begin + kept)
    return None if last_t is None else last_t - 1


def _without_last_t(tail: bytes, path: Path) -> tuple[int, int | None]:
    """How much of a file's tail to keep, and the t that is removed."""
    kept, last_t = tail.rfind(b"\n") + 1, None
    while kept:
        start = tail.rfind(b"\n", 0, kept - 1) + 1
        (message,) = decode(tail[start : kept - 1].decode(errors="replace"))
        if message["type"] != "gap":
            if type(message.get("t")) is not int:
                raise MarketCameraError(f"{path} is no recording: a line at its end has no t")
            if last_t not in (None, message["t"]):
                break
            last_t = message["t"]
        kept = start
    return kept, last_t


@contextmanager
def writing(path: Path) -> Iterator[Callable[[Received], Any]]:
    """Appends messages to a file; one that ends in .zst is compressed."""
    with path.open("ab") as file:
        if path.suffix != ".zst":
            with io.TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
                yield lambda message: text.write(line_of(message) + "\n")
            return
        with zstandard_module().ZstdCompressor().stream_writer(file) as compressed:
            yield lambda message: compressed.write(line_of(message).encode() + b"\n")
