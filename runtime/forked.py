"""Forked processes, as a plug-in's pool of workers: what they must not keep of the process they come from.

A lock holds, and a port is taken, until all who have inherited it close it, and workers of a pool outlive a process
that was killed. Who ends a worker sends it SIGTERM: the handler of a server would write that, in the worker, to the
pipe from which the server reads its own signals, and it would stop. Ctrl-C reaches all processes of a terminal: a model
would wait for ever for what a worker, which it ended, was to compute.
"""

from __future__ import annotations

import os
import signal
import threading
import weakref
from types import FrameType
from typing import Protocol


class Closable(Protocol):
    """An open file or socket."""

    def close(self) -> None: ...


_kept: weakref.WeakSet[Closable] = weakref.WeakSet()

_forking = threading.local()


def keep_from_children(file: Closable) -> None:
    """Close a file in each process that forks from this one."""
    _kept.add(file)


def _before() -> None:
    """A child that is ended at once gets to know it when it is a process of its own."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _in_child() -> None:
    for file in list(_kept):
        file.close()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, _leave_to_parent)  # SIG_IGN would hold in programs too that the child starts
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _leave_to_parent(number: int, frame: FrameType | None) -> None:
    """The parent ends its children when it has ended its work."""


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
