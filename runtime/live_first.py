"""Lets threads that read the past stand aside while the loop hands out what is live.

Each write to a socket gives up the interpreter, and a thread that computes takes it for half a millisecond: a message
for two hundred clients would come a tenth of a second late.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Longer than any message takes to be handed out; nobody waits for ever.
_MOST_SECONDS = 0.1

_free = threading.Event()
_free.set()


@contextmanager
def handing_out() -> Iterator[None]:
    """While this lasts, others give way. For the loop's thread."""
    _free.clear()
    try:
        yield
    finally:
        _free.set()


def give_way() -> None:
    """Wait while something live is handed out. For any thread, between two small pieces of work."""
    if not _free.is_set():
        _free.wait(_MOST_SECONDS)
