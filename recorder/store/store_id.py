"""The store's id: distinguishes this recording from every other, so that positions are never confused.

Why, and when a store gets a new id: docs/architecture.md, "The epoch of a position".
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from uuid import uuid4

from recorder.errors import StoreError
from recorder.segment.segment_file import sync_directory

log = logging.getLogger(__name__)

_NAME = "store_id"
_PATTERN = re.compile(r"[0-9a-f]{32}", re.ASCII)


def is_store_id(text: str) -> bool:
    """Whether this is a valid id of a store: 32 lower-case hexadecimal digits."""
    return _PATTERN.fullmatch(text) is not None


def new_store_id() -> str:
    """An id that no other store has."""
    return uuid4().hex


def read_store_id(directory: Path) -> str | None:
    """The id of the store in `directory`; None if there is none that can be read."""
    path = directory / _NAME
    try:
        text = path.read_text(encoding="ascii").removesuffix("\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
    if not is_store_id(text):
        log.warning("%s holds no store id: %.60r", path, text)
        return None
    return text


def keep_store_id(directory: Path, store_id: str) -> None:
    """Write the id, whole or not at all, and sync it. Raises StoreError."""
    path = directory / _NAME
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            file.write(f"{store_id}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_directory(directory)
    except OSError as error:
        raise StoreError(path, error) from error
