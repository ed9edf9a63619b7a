"""The secret key of an installation that was given none: made at the first start and kept."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from igsite.config import ConfigError


def kept_secret(path: Path) -> str:
    """The key in `path`. First starts at once agree on one: it is whole before it has its name, and the first to give
    it that wins. Raises ConfigError, OSError."""
    try:
        return _read(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.") as file:  # for its owner's eyes only
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            pass
    return _read(path)


def _read(path: Path) -> str:
    key = path.read_text()
    if not key:
        raise ConfigError([f"{path} is empty; delete it, and the next start makes another key"])
    return key
