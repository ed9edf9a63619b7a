"""The file beside a copy of a stream that names the recording it is of, so that another is never added to it."""

from __future__ import annotations

import os
from pathlib import Path

from marketcamera.stream.session import store_id


def store_beside(copy: Path) -> str | None:
    """The id of the recording that a file is a copy of; None where nothing tells. Raises OSError."""
    try:
        return store_id(_path(copy).read_text(encoding="ascii", errors="replace").strip())
    except (FileNotFoundError, ValueError):
        return None


def keep_store(copy: Path, store: str) -> None:
    """Note of which recording a file is a copy. Raises OSError."""
    new = Path(f"{_path(copy)}.new")
    with new.open("w", encoding="ascii") as file:
        file.write(f"{store}\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(_path(copy))


def _path(copy: Path) -> Path:
    return Path(f"{copy}.store")
