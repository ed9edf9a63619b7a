"""manifest.json: the finished segments of one kind, one entry per line of a JSON array that is appended to in place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from recorder.errors import BadManifest
from recorder.segment.segment_file import sync_directory, write_all

NAME = "manifest.json"

_BEGINNING, _END = b"[\n", b"\n]\n"
_READ_BYTES = 1 << 20
#: The longest entry: its numbers have at most 19 digits, its path less than 80 characters.
_TAIL_BYTES = 4096


class Contents(NamedTuple):
    """The number of entries in a manifest, and the last one, None if it has none."""

    entries: int
    last: dict[str, Any] | None


class ManifestFile:
    """The manifest.json of one kind in a market's directory, for the one process that writes the store.

    A reader may meet an append in progress and find the array without its end: it reads again.
    """

    def __init__(self, directory: Path, kind: str) -> None:
        self.path = directory / kind / NAME

    def append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Append entries after the last one and sync the file, without reading the rest. Raises BadManifest, OSError.

        If it fails, the file is as before, as far as the disk allows.
        """
        with FileIO(self.path, "r+") as file:
            end = max(0, file.seek(0, os.SEEK_END) - len(_END))
            file.seek(max(0, end - 1))
            before = file.read(1 + len(_END))
            if before not in (b"[" + _END, b"}" + _END):
                raise BadManifest(self.path, before)
            between = b",\n" if before[:1] == b"}" else b"\n"
            try:
                file.seek(end)
                write_all(file, between + b",\n".join(map(orjson.dumps, entries)) + _END)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                file.seek(end)
                write_all(file, _END)
                raise

    def write(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """Replace the content by these entries, whole or not at all; returns how many. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new, count = self.path.with_name(f"{NAME}.new"), 0
        with new.open("wb") as file:
            file.write(b"[")
            for entry in entries:
                file.write((b",\n" if count else b"\n") + orjson.dumps(entry))
                count += 1
            file.write(_END)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        sync_directory(self.path.parent)
        return count

    def contents(self) -> Contents | None:
        """The content; None if the file is missing, torn, or laid out differently. Raises OSError."""
        try:
            with self.path.open("rb") as file:
                if file.read(len(_BEGINNING)) != _BEGINNING:
                    return None
                lines = 1
                while data := file.read(_READ_BYTES):
                    lines += data.count(b"\n")
                file.seek(max(0, file.tell() - _TAIL_BYTES))
                tail = file.read()
        except FileNotFoundError:
            return None
        if not tail.endswith(_END):
            return None
        count = lines - 2
        last = _entry(tail[: -len(_END)].rpartition(b"\n")[2]) if count else None
        return Contents(count, last) if last is not None or not count else None


def whole_entries(data: bytes) -> list[Any]:
    """The entries of a manifest; of one of ours that lacks its end after a crash or during an append, the whole lines.

    Raises orjson.JSONDecodeError.
    """
    try:
        found: list[Any] = orjson.loads(data)
    except orjson.JSONDecodeError:
        if not data.startswith(_BEGINNING + b'{"path":'):
            raise
        lines = data.split(b"\n")[1:-1]
        return [entry for line in lines if (entry := _entry(line.removesuffix(b","))) is not None]
    return found


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
