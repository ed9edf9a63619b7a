"""Start-up checks of the recorder: whether the store can be written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from runtime.commands import INSTALLATION


@register(INSTALLATION)
def check_store(**_: Any) -> list[CheckMessage]:
    """recorder.E001 if the store's root cannot be created or written."""
    root: Path = settings.CONFIG.store_dir
    try:
        # Permissions do not show a read-only or full disk, so a file is written.
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"\n")
            probe.flush()
    except OSError as error:
        return [
            Error(
                f"The store {root} cannot be written: {error.strerror or error}.",
                hint="Set IG_CAM_STORE_DIR to a directory that this process may write to.",
                id="recorder.E001",
            )
        ]
    return []
