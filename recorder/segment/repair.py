"""Repair: makes a damaged or unfinished segment file whole, keeping every line that its survey found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from recorder.segment.layout import parse_name
from recorder.segment.scan import Piece, SegmentScan
from recorder.segment.segment_file import sync_directory, write_all
from recorder.segment.zstd_frames import FRAME_TEXT_BYTES, ZstdFrame, compressor, frame_ending

#: Follows the name of an original that was damaged.
DAMAGED = ".damaged"

_LEVEL = 3


def repair(path: Path, found: SegmentScan) -> None:
    """Makes the file whole in its place: leaves it, adds a few bytes at its end, or replaces it.

    A crash during a repair loses no line, and the next repair completes it. Raises OSError.
    """
    pieces = found.pieces
    open_frame = pieces[-1].open_frame
    as_they_lie = pieces[:-1] if open_frame else pieces
    if found.damaged or any(piece.text is not None for piece in as_they_lie):
        _rewrite(path, pieces, keep_original=found.damaged)
    elif found.losses:
        _end_in_place(path, pieces[-1].end, open_frame)


def unused(path: Path) -> Path:
    """`path`, or the first of `path-2`, `path-3` … that does not exist."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _end_in_place(path: Path, cut: int, open_frame: ZstdFrame | None) -> None:
    """Drops what does not decode after `cut` and ends the frame there.

    It needs no room for a second file, so it works on a full disk. Interrupted, it leaves a frame that decodes to the
    same lines.
    """
    ending = frame_ending(open_frame.text, last_block=open_frame.last_block) if open_frame else b""
    with FileIO(path, "r+") as file:
        file.truncate(cut)
        file.seek(cut)
        write_all(file, ending)


def _rewrite(path: Path, pieces: list[Piece], *, keep_original: bool) -> None:
    """Replaces the file by the pieces and nothing else.

    If the original is damaged in the middle, it is kept beside the file, so that more may be recovered from it.
    """
    if keep_original:
        keep_aside(path)
    with path.open("rb") as source:
        put_in_place(path, _contents(source, pieces))


def keep_aside(path: Path) -> None:
    """Gives the file a second name, `….damaged`, unless it has one; anything that is not a plain file is renamed."""
    aside = _lasting(path).with_name(f"{_lasting(path).name}{DAMAGED}")
    if not path.is_file():
        os.rename(path, unused(aside))
    elif not any(kept.samefile(path) for kept in path.parent.glob(f"{aside.name}*")):
        os.link(path, unused(aside))
    sync_directory(path.parent)


def put_in_place(path: Path, contents: Iterable[bytes]) -> None:
    """Replaces the file at `path` by a new one, whole or not at all. Raises OSError."""
    temporary = Path(f"{_lasting(path)}.recovering")
    with FileIO(temporary, "w") as target:
        for data in contents:
            write_all(target, data)
        os.fsync(target.fileno())
    os.replace(temporary, path)
    sync_directory(path.parent)


def in_frames(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, given without their ends, in frames."""
    text = bytearray()
    for line in lines:
        if text and len(text) + len(line) >= FRAME_TEXT_BYTES:
            yield from _frames(bytes(text))
            text.clear()
        text += line + b"\n"
    yield from _frames(bytes(text))


def _lasting(path: Path) -> Path:
    return path.with_name(parse_name(path.name).lasting)


def _contents(source: BinaryIO, pieces: list[Piece]) -> Iterator[bytes]:
    """The new file's bytes: kept frames unchanged, and the text between them in new frames."""
    text = b""
    for piece in pieces:
        if piece.text is not None:
            text += piece.text
            continue
        yield from _frames(text)
        text = b""
        source.seek(piece.start)
        yield source.read(piece.end - piece.start)
    yield from _frames(text)


def _frames(text: bytes) -> Iterator[bytes]:
    """Whole lines in frames of at most FRAME_TEXT_BYTES, or one line."""
    compress = compressor(_LEVEL).compress
    while text:
        cut = len(text)
        if cut > FRAME_TEXT_BYTES:
            cut = text.rfind(b"\n", 0, FRAME_TEXT_BYTES) + 1 or text.index(b"\n") + 1
        yield compress(text[:cut])
        text = text[cut:]
