"""Forked processes, as a plug-in's pool of workers: what they must not keep open when this process is gone."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Closable(Protocol):
    """An open file or socket."""

    def close(self) -> None: ...


_kept: weakref.WeakSet[Closable] = weakref.WeakSet()


def keep_from_children(file: Closable) -> None:
    """Close a file in each process that forks from this one: a lock holds, and a port is taken, until all who have
    inherited it close it, and workers of a pool outlive a process that was killed."""
    _kept.add(file)


def _close_all() -> None:
    for file in list(_kept):
        file.close()


os.register_at_fork(after_in_child=_close_all)
