"""What can keep a folder from being exported to."""

from __future__ import annotations

from pathlib import Path


class ExportError(Exception):
    """Base of everything that is wrong with an export."""


class OtherExport(ExportError):
    """The folder holds an export of something else."""

    def __init__(self, directory: Path, name: str, held: object, asked: object) -> None:
        super().__init__(f"{directory} holds an export with {name} {held}, not {asked}; choose another folder")


class NotAnExport(ExportError):
    """The folder holds what no export wrote."""

    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(f"{directory} cannot be exported to: {why}")


class RecordingChanged(ExportError):
    """The market got another recording meanwhile."""

    def __init__(self, symbol: str) -> None:
        super().__init__(f"{symbol} has another recording now; export it to a folder of its own")


class FolderHeld(ExportError):
    """Another process exports to the folder."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"another process exports to {directory} now")


class NothingRecorded(ExportError):
    """A market has no recording."""

    def __init__(self, symbol: str, directory: Path) -> None:
        super().__init__(f"{symbol}: nothing is recorded in {directory}")
