"""Room: whether a store that was full has enough of it again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from recorder.errors import StoreError

#: A full store is used again when this much is free, or this part of a small disk. With less it would be full again
#: within seconds, and each time leave a few tiny segments and another alert.
_ROOM_BYTES = 16 << 20
_ROOM_PART = 0.05


def look_for_room(directory: Path) -> None:
    """Raises StoreError unless a store that was full can be used again."""
    try:
        disk = os.statvfs(directory)
    except OSError as error:
        raise StoreError(directory, error) from error
    free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    needed = min(_ROOM_BYTES, int(total * _ROOM_PART))
    if free < needed:
        reason = f"{os.strerror(errno.ENOSPC)}, {free} bytes are free and {needed} are needed to go on"
        raise StoreError(directory, OSError(errno.ENOSPC, reason))
