"""Checks of files: whether others can read the settings, and whether the store belongs to who runs this."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning

#: What is looked at of a store: what a command that root ran leaves lies at its top, or in the newest segments.
_MOST_FILES = 10_000


def settings_file(path: Path) -> Iterator[CheckMessage]:
    """igsite.W011 where users of this machine that need not can read the secrets."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # containers and other set-ups have none
    if mode & stat.S_IRWXO:
        yield Warning(
            f"{path} holds secrets, and every user of this machine can read it (mode {stat.S_IMODE(mode):03o}).",
            hint=f"chown root:market-camera {path}; chmod 640 {path}",
            id="igsite.W011",
        )


def store_owner(root: Path) -> Iterator[CheckMessage]:
    """igsite.E004 where something in the store belongs to another user, which this one may not be able to write."""
    owner = os.geteuid()
    others = [(path, uid) for path, uid in islice(_owners(root), _MOST_FILES) if uid != owner]
    if others:
        path, uid = others[0]
        yield Error(
            f"{path} belongs to {_name(uid)}, and this is run as {_name(owner)}"
            f" ({len(others)} such files and directories in the store).",
            hint=f"chown -R {_name(owner)} {root} (and run commands by deploy/manage.sh, which changes to that user).",
            id="igsite.E004",
        )


def _owners(root: Path) -> Iterator[tuple[Path, int]]:
    """What is within the store, and whose it is. A market may remove files meanwhile; recorder.E001 tells of a store
    that is not there, or into which nobody may look."""
    within = (Path(directory, name) for directory, folders, files in os.walk(root) for name in (*folders, *files))
    for path in chain([root], within):
        with suppress(OSError):
            yield path, path.lstat().st_uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with number {uid}"
