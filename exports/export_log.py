"""The log of a folder: which ranges of which kinds its files hold, one line for each that is finished.

`_export.ndjson` is the truth about a folder. Its first line says what is exported; a file that no line names is left
over from a process that was killed, and is removed. A line is added once its files have their names on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from exports.errors import NotAnExport, OtherExport

NAME = "_export.ndjson"


class Part(NamedTuple):
    """A finished range of a kind: t, files by their paths in the folder, rows, and what was missing."""

    kind: str
    from_t: int
    to_t: int
    rows: int
    files: list[str]
    gaps: list[dict[str, Any]]


class ExportLog:
    """The log of one folder, which is created if it has none. Raises ExportError, OSError."""

    def __init__(self, directory: Path, facts: Mapping[str, Any]) -> None:
        self._path = directory / NAME
        lines = self._whole_lines()
        if lines:
            self._check(directory, orjson.loads(lines[0]), facts)
        else:
            self._append(dict(facts))
        self.parts = [Part(**orjson.loads(line)) for line in lines[1:]]

    def _whole_lines(self) -> list[bytes]:
        """The lines of the file; one that a killed process has not ended is cut off."""
        if not self._path.exists():
            return []
        text = self._path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(self._path, len(whole))
        return whole.splitlines()

    @staticmethod
    def _check(directory: Path, held: Any, facts: Mapping[str, Any]) -> None:
        if not isinstance(held, dict):
            raise NotAnExport(directory, f"the first line of {NAME} is not that of an export")
        for name, asked in facts.items():
            if held.get(name) != asked:
                raise OtherExport(directory, name, held.get(name), asked)

    def end_of(self, kind: str) -> int | None:
        """The last t that is exported of a kind; None if nothing is."""
        return max((part.to_t for part in self.parts if part.kind == kind), default=None)

    @property
    def files(self) -> set[str]:
        """Every file that the folder should have, by its path in it."""
        return {file for part in self.parts for file in part.files}

    def add(self, part: Part) -> None:
        """Note a finished part. Raises OSError."""
        self._append(part._asdict())
        self.parts.append(part)

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
